/** An error that the user can fix. Its message says how, so the npm scripts show it without a stack trace. */
export class UserError extends Error {}
