/** Runs remote/clean-up.ts when an existing machine is destroyed (remote/machine.ts). States contain this path: do not move it. SSH itself is in remote/ssh.ts. */
import "../remote/clean-up.ts";
