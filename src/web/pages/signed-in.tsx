/** @jsxImportSource preact */
import type { SessionActor } from "../../accounts/actor.ts";
import type { OfVisit } from "../layout.tsx";
import { PostForm } from "./form-parts.tsx";

/** What somebody sees instead of a sign-in who has a session already. */
export function SignedIn({
  visit,
  visitor,
  next,
}: OfVisit & { readonly visitor: SessionActor; readonly next: string }) {
  return (
    <>
      <p>
        You are signed in as <strong>{visitor.user.username}</strong>.
      </p>
      <PostForm visit={visit} action="logout" class="actions" isAlone>
        <input type="hidden" name="next" value={next} />
        <a class="button primary" href={`${visit.root}${next}`}>
          Continue
        </a>
        <button type="submit">Sign out</button>
      </PostForm>
    </>
  );
}
