/** Splits a line into words as a shell does: at white space, unless it is quoted or escaped. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let index = 0; index < line.length; index++) {
    const character = line.charAt(index);
    if (quote !== undefined) {
      if (character === quote) {
        quote = undefined;
      } else {
        const escaped = character === "\\" && quote === '"';
        word = (word ?? "") + (escaped ? line.charAt(++index) : character);
      }
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) {
        words.push(word);
      }
      word = undefined;
    } else {
      word = (word ?? "") + (character === "\\" ? line.charAt(++index) : character);
    }
  }
  return word === undefined ? words : [...words, word];
}
