/** The environment variable with the hosts whose new key a run pins: names or addresses, separated by commas. */
export const newHostKeysVariable = "RABBITMQ_HA_NEW_HOST_KEYS";
