# Runs inside the new root, after the packages. What slows an emulated boot and serves no guest of
# the lab goes.
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer \
    systemd-firstboot.service systemd-timesyncd.service getty@tty1.service \
    ldconfig.service systemd-journal-catalog-update.service systemd-binfmt.service \
    proc-sys-fs-binfmt_misc.automount systemd-pstore.service modprobe@drm.service \
    modprobe@efi_pstore.service modprobe@fuse.service sys-fs-fuse-connections.mount \
    sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount \
    systemd-udev-load-credentials.service systemd-vconsole-setup.service
# Generators for what no guest of the lab has; each one is a process more before the first unit.
mkdir -p /etc/systemd/system-generators
for name in bless-boot cryptsetup debug factory-reset gpt-auto hibernate-resume integritysetup \
    rc-local run ssh system-update sysv tpm2 veritysetup; do
    ln -s /dev/null /etc/systemd/system-generators/systemd-$name-generator
done
systemctl enable systemd-networkd.service systemd-resolved.service ssh.service
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf

# Identity belongs to the guest, not to the image: cloud-init and systemd make it at first boot.
rm -f /etc/ssh/ssh_host_* /etc/hostname /var/lib/dbus/machine-id
: > /etc/machine-id
passwd -l root
printf '127.0.0.1 localhost\n::1 localhost\n' > /etc/hosts
