/**
 * @returns the value of a key that somebody has chosen, such as a user's name; undefined if there is none. Every object has
 * values that nobody wrote, such as `constructor`.
 */
export function ownValue<T>(values: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}
