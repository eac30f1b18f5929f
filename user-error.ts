/** A failure whose cause is the user's to mend. Its message says what to do, so the npm scripts show it without a stack trace. */
export class UserError extends Error {}
