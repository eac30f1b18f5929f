/** The administrator's name, unless the configuration has another one. */
export const defaultAdminUser = "admin";
