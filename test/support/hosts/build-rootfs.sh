#!/bin/sh
# build-rootfs.sh SUITE DESTINATION PACKAGES SOURCES APT_CONF
#
# Makes the root file system that all hosts share. The caller holds the lock of the cache, so whatever lies here half
# built belongs to a run that was killed. It appears under its name by a rename, whole.
set -eu

suite=$1 destination=$2 packages=$3 sources=$4 apt_conf=$5

[ ! -d "$destination" ] || exit 0 # another process made it while we waited for the lock

for stale in "${destination%/*}"/*.building; do
  [ ! -d "$stale" ] || rm -rf --one-file-system "$stale"
done

building=$destination.building
mmdebstrap --quiet --mode=root --variant=minbase --skip=check/empty \
  --include="$packages" --aptopt="$apt_conf" "$suite" "$building" "$sources"

cd "$building"

# Every host makes its own host key when it first starts; sharing one would hide mistakes in telling hosts apart.
rm -f etc/ssh/ssh_host_*
mkdir -p etc/systemd/system/ssh.service.d
cat > etc/systemd/system/ssh.service.d/host-key.conf <<'UNIT'
[Service]
ExecStartPre=
ExecStartPre=/bin/sh -c 'test -s /etc/ssh/ssh_host_ed25519_key || ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key'
ExecStartPre=/usr/sbin/sshd -t
UNIT

# Passwords are what is tested, root's too; many wrong ones come from the same address on purpose.
cat > etc/ssh/sshd_config.d/latchkey-test.conf <<'SSHD'
PermitRootLogin yes
PasswordAuthentication yes
HostKey /etc/ssh/ssh_host_ed25519_key
MaxStartups 200
UseDNS no
SSHD
case $suite in
bookworm) ;; # its sshd does not know the keyword yet
*) echo 'PerSourcePenalties no' >> etc/ssh/sshd_config.d/latchkey-test.conf ;;
esac

# An address by DHCP on the interface that a container gets, by the network file that comes with systemd.
chroot . systemctl --quiet enable systemd-networkd.service
# Nothing here uses these, and each costs boot time.
chroot . systemctl --quiet mask \
  apt-daily.timer apt-daily-upgrade.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer \
  systemd-timesyncd.service

mkdir -p var/log/journal # so that the journal outlives a reboot
: > etc/machine-id       # so that every host gets its own
rm -f etc/hostname etc/resolv.conf
rm -rf var/lib/apt/lists/* var/cache/apt/*.bin

mv "$building" "$destination"
