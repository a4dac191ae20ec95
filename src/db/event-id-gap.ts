/**
 * How many ids of events a restored database leaves out. The registry may have given out some of them
 * after the snapshot was made, to receivers of webhooks and to exports. It is more than a registry
 * records between a backup and its loss.
 */
export const EVENT_ID_GAP = 1_000_000_000;
