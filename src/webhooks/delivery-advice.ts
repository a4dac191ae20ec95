import type { DeliveryView } from "./webhook-view.ts";

const GONE = 410;

/**
 * Says what to do about an attempt that failed, in one or two sentences for whoever runs the
 * receiver. Undefined if it succeeded, and for `refused`, whose reason says what to do.
 */
export function deliveryAdvice({ outcome, status }: Pick<DeliveryView, "outcome" | "status">): string | undefined {
  if (outcome !== "failed") return undefined;
  if (status === null)
    return "Does the receiver run, and does it answer within 10 seconds where the registry can reach it?";
  if (status >= 300 && status < 400) return "Make a webhook for the address to which it redirects.";
  if (status === 400 || status === 401 || status === 403) {
    return "Does the receiver check the signature with the secret of this webhook, and over the body as it arrived?";
  }
  if (status === 404 || status === 405) return "Is the path right, and does the receiver take POST there?";
  if (status === GONE)
    return "By 410 a receiver asks for no more messages, and an event disables the webhook. Is that meant?";
  return "What the receiver logged says why. It must answer 200 to 299.";
}
