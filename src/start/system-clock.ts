/** The clock of this machine, for commands that open neither database nor storage. */
export const systemClock = () => new Date();
