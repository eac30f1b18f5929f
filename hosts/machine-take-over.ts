/** The environment variable with the machines that a run may take over from another stack: names, separated by commas. */
export const takeOverVariable = "RABBITMQ_HA_TAKE_OVER";
