# Runs inside the new root, after the packages.
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer \
    systemd-firstboot.service systemd-timesyncd.service getty@tty1.service
systemctl enable systemd-networkd.service systemd-resolved.service ssh.service
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf

# Identity belongs to the guest, not to the image: cloud-init and systemd make it at first boot.
rm -f /etc/ssh/ssh_host_* /etc/hostname /var/lib/dbus/machine-id
: > /etc/machine-id
passwd -l root
printf '127.0.0.1 localhost\n::1 localhost\n' > /etc/hosts
