#!/bin/sh
# keeper.sh NAME ADDRESS
#
# The first process of a fabric's namespaces (mount, network, process): whatever the fabric has lives in them, and ends
# with this process. It ends when its standard input does, so when the test process ends, however that comes about.
set -eu

name=$1 address=$2
network=${address%.*.*}

# One layout of control groups whatever the machine has: the unified one, in a group of our own. Membership is all that
# hosts need, no controllers.
own=$(sed -n 's/^0:://p' /proc/self/cgroup)
umount -R /sys/fs/cgroup 2> /dev/null || :
mount -t cgroup2 cgroup2 /sys/fs/cgroup
group=/sys/fs/cgroup${own%/}/$name
mkdir -p "$group/keeper"
echo $$ > "$group/keeper/cgroup.procs"

# Disks of hosts are in memory: gone with the namespace, and never in the machine's table of mounts. The private /run
# also keeps systemd-nspawn from the machine's own, where two runs with a host of the same name would meet.
mount -t tmpfs -o mode=755,size=75% tmpfs /run
mkdir -p /run/hosts

ip link set lo up
# An address of its own: a bridge without one takes that of some host, and with that host goes what all others know.
ip link add br0 address 02:4c:4b:00:00:01 type bridge
ip address add "$address/16" dev br0
ip link set br0 up
dnsmasq --conf-file=/dev/null --keep-in-foreground --user=root --log-facility=- \
  --interface=br0 --bind-interfaces --except-interface=lo --port=0 \
  --dhcp-authoritative --no-ping --dhcp-leasefile=/run/leases --pid-file= \
  --dhcp-range="$network.200.1,$network.250.254,255.255.0.0,1h" --dhcp-option=option:router,"$address" \
  < /dev/null >&2 &

echo "$group"
exec cat > /dev/null
