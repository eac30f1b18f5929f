# Runs on a machine before anybody else knows of it. A setting that comes first in sshd_config is the one that counts.
for _ in $(seq 300); do
  if systemctl is-active -q sshd.service && [ ! -e /run/nologin ]; then break; fi
  sleep 0.2
done
ssh-keygen -A >/dev/null
{
  echo "PermitRootLogin prohibit-password"
  echo "PasswordAuthentication no"
  cat /etc/ssh/sshd_config
} >/etc/ssh/sshd_config.new
cat /etc/ssh/sshd_config.new >/etc/ssh/sshd_config
rm /etc/ssh/sshd_config.new
systemctl restart sshd.service
systemctl is-active -q sshd.service
cat /etc/ssh/ssh_host_*_key.pub
