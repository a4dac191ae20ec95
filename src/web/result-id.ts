/**
 * The place of a page that says what became of a form: that it was accepted, or why not. Forms are
 * sent to addresses with this fragment, so that browsers go there without a script.
 */
export const RESULT_ID = "result";
