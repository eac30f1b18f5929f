/**
 * Fails unless a broker has all of Khepri's tables in memory, as an expression of Erlang. Without them RabbitMQ's lists are
 * empty and nothing is found: while a broker starts or joins. Up to 3.13 the tables have other names.
 */
export const khepriTables = `
IsThere = fun(Table) -> ets:info(Table, size) =/= undefined end,
true = not (try rabbit_khepri:is_enabled() catch error:undef -> false end)
  orelse lists:all(fun(Names) -> lists:any(IsThere, Names) end, [
  [rabbit_khepri_vhost], [rabbit_khepri_queue], [rabbit_khepri_exchange],
  [rabbit_khepri_user, rabbit_khepri_users], [rabbit_khepri_user_permission, rabbit_khepri_user_permissions],
  [rabbit_khepri_binding, rabbit_khepri_bindings],
  [rabbit_khepri_per_vhost_rtparam, rabbit_khepri_runtime_parameters],
  [rabbit_khepri_global_rtparam, rabbit_khepri_runtime_parameters]]),
`;
