# Runs on a machine before anybody else knows of it. A setting that comes first in sshd_config is the one that counts.
for _ in $(seq 300); do
  if systemctl is-active -q sshd.service && [ ! -e /run/nologin ]; then break; fi
  sleep 0.2
done
ssh-keygen -A >/dev/null
useradd -m -N -s /bin/bash operator
install -d -m 0700 -o operator /home/operator/.ssh
install -m 0600 -o operator /root/.ssh/authorized_keys /home/operator/.ssh/authorized_keys
rm /root/.ssh/authorized_keys
printf '%s ALL=(ALL) NOPASSWD: ALL\n' operator >/etc/sudoers.d/operator
chmod 0440 /etc/sudoers.d/operator
{
  echo "PermitRootLogin no"
  echo "PasswordAuthentication no"
  echo "AllowUsers "operator@192.168.95.110
  cat /etc/ssh/sshd_config
} >/etc/ssh/sshd_config.new
cat /etc/ssh/sshd_config.new >/etc/ssh/sshd_config
rm /etc/ssh/sshd_config.new
systemctl restart sshd.service
systemctl is-active -q sshd.service
cat /etc/ssh/ssh_host_*_key.pub
