/** What HAProxy on a balancer says of itself. */

/** Asks for HAProxy's statistics, as CSV. */
export const showStat = "echo show stat | socat -T 3 stdio unix-connect:/run/haproxy/admin.sock";
