/** From OLD to NEW, or from NEW to OLD. */
export type Direction = "forth" | "back";
