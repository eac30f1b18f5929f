/** What the program on a host reads on standard input for a file. */

/** The last line, which is not written; without it the content has not arrived whole. `agent/steps/file.py` has the same. */
export const endOfFile = "# rabbitmq-ha: end of the file\n";
