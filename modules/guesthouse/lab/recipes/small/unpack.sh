# Runs outside the new root, which is $1: the kernel's files without initramfs-tools and udev,
# which its package depends on. mmdebstrap(1) documents MMDEBSTRAP_APT_CONFIG for this use.
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[^ ]*\).*/\1/p')
work=$(mktemp -d)
cd "$work"
apt-get -q download "$kernel"
dpkg-deb -x ./*.deb "$1"
rm -r "$work"
