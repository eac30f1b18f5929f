/** States hold this path: a machine's clean-up at its destruction (remote/machine.ts). What it does is remote/clean-up.ts. */
import "../remote/clean-up.ts";
