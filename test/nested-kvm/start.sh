#!/bin/bash
# Runs in the lab's machine after init.sh: sets the system up, runs the command, gives its report and exit code to the host, ends.
export PATH=/opt/tools/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
port() { for name in /sys/class/virtio-ports/*/name; do [ "$(<"$name")" = "$1" ] && basename "${name%/name}"; done; }
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /opt/tools /scratch /project /writes /dev/net
[ -c /dev/net/tun ] || mknod /dev/net/tun c 10 200
mount -t ext4 -o ro,noload /dev/vdc /opt/tools
mount -t ext4 /dev/vdd /scratch
mkdir -p /scratch/tmp
mount --bind /scratch/tmp /tmp
chmod 1777 /tmp
mount -t tmpfs tmpfs /writes
layer() { mkdir -p "/writes/$2" "/writes/$2.work" "$3"; mount -t overlay -o "lowerdir=$1,upperdir=/writes/$2,workdir=/writes/$2.work" overlay "$3"; }
layer /lab/project project /project
layer /opt/tools/node_modules node_modules /project/node_modules
ip link set lo up
hostname lab
cd /project || exit
output=/dev/$(port output)
status=/dev/$(port status)
[ -c /dev/kvm ] || echo 'KVM does not work in the lab.' >"$output"
bash /lab/command.sh </dev/null >"$output" 2>&1
code=$?
[ -e /scratch/report.json ] && cat /scratch/report.json >"/dev/$(port report)"
echo "$code" >"$status"
sync
echo o >/proc/sysrq-trigger
sleep 60
