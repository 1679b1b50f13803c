# Runs inside the new root, after the packages and the kernel. /recipe holds the recipe's files.
version=$(ls /usr/lib/modules)
tree=/usr/lib/modules/$version
depmod "$version"

# Keep the listed modules and what they need; the rest is nine tenths of the kernel's size.
grep -v '^#' /recipe/modules | while read -r module; do
    modprobe --set-version "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | sort -u > /recipe/keep
find "$tree/kernel" -type f -name '*.ko*' | while read -r file; do
    grep -qxF -e "$file" -e "${file#/usr}" /recipe/keep || rm "$file"
done
find "$tree/kernel" -type d -empty -delete
depmod "$version"

# A small initrd of our own: busybox, the root disk's modules in loading order, one script.
initrd=/recipe/initrd
mkdir -p $initrd/bin $initrd/modules $initrd/dev $initrd/proc $initrd/sys $initrd/root
cp /bin/busybox $initrd/bin/busybox
cp /recipe/initrd-init $initrd/init
for module in virtio_pci virtio_blk ext4; do
    modprobe --set-version "$version" --show-depends $module | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r file; do
    name=$(basename "$file" .xz)
    busybox xz -dc "$file" > "$initrd/modules/$name"
    echo "$name" >> $initrd/modules/order
done
chmod 755 $initrd/init
(cd $initrd && find . | busybox cpio -o -H newc) | gzip -9 > "/boot/initrd.img-$version"

for applet in init poweroff reboot halt getty udhcpc; do
    ln -sf /bin/busybox /sbin/$applet
done
ln -sf ../lib/small/shutdown /usr/sbin/shutdown

# Identity belongs to the guest: the seed reader makes it at first boot.
rm -f /etc/ssh/ssh_host_* /etc/hostname /etc/machine-id
passwd -l root
printf '127.0.0.1 localhost\n::1 localhost\n' > /etc/hosts
python3 -m compileall -q /usr/lib/small
rm -rf /boot/System.map-* /boot/config-* /usr/share/i18n /usr/lib/python3*/test /var/cache/debconf/*-old
find /usr/share/doc -type f ! -name copyright -delete
