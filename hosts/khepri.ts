/** Khepri, RabbitMQ's store of the cluster's tables, as texts of Erlang see it. */

const isEnabled = `(try rabbit_khepri:is_enabled() catch error:undef -> false end)`;

/**
 * Makes a member with Khepri know all that was written before, and fails unless it has the tables that its lists are read
 * from: without them they are empty. The same text is in agent/khepri.py, which says why.
 */
export const upToDate = `
ok = case ${isEnabled} of
  true -> try khepri:fence(rabbitmq_metadata, 20000) catch error:undef -> ok end;
  false -> ok
end,
true = not ${isEnabled} orelse lists:all(fun(Tables) -> lists:any(fun(T) -> ets:info(T, size) =/= undefined end, Tables) end, [
  [rabbit_khepri_vhost], [rabbit_khepri_queue], [rabbit_khepri_exchange],
  [rabbit_khepri_user, rabbit_khepri_users], [rabbit_khepri_user_permission, rabbit_khepri_user_permissions],
  [rabbit_khepri_binding, rabbit_khepri_bindings],
  [rabbit_khepri_per_vhost_rtparam, rabbit_khepri_runtime_parameters],
  [rabbit_khepri_global_rtparam, rabbit_khepri_runtime_parameters]]),
`;
