#!/bin/busybox sh
# shellcheck shell=dash
# The first process of the lab's machine: loads the modules, mounts the disks over a memory file system, starts the command and
# ends the machine with it. Everything but the output of the command goes to the console.
set -u
bb=/bin/busybox
$bb mount -t devtmpfs none /dev
$bb mount -t proc none /proc
$bb mount -t sysfs none /sys
for module in $($bb cat /modules/order); do $bb insmod "/modules/$module"; done
# Disks appear one after the other.
until [ -b /dev/vdd ]; do $bb usleep 20000; done
$bb mkdir -p /lower /writes
$bb mount -t ext4 -o ro,noload /dev/vda /lower
$bb mount -t tmpfs -o size=90% tmpfs /writes
$bb mkdir /writes/upper /writes/work
$bb mount -t overlay -o lowerdir=/lower,upperdir=/writes/upper,workdir=/writes/work overlay /newroot
for place in proc sys dev; do $bb mount --move "/$place" "/newroot/$place"; done
$bb mkdir -p /newroot/lab /newroot/dev/pts /newroot/dev/shm
$bb mount -t ext4 -o ro,noload /newroot/dev/vdb /newroot/lab
exec $bb switch_root /newroot /bin/bash /lab/start.sh
