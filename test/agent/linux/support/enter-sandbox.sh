#!/bin/sh
# Runs a command in mount and process namespaces of its own, over a private copy-on-write view of the account files.
# Usage: unshare --mount --pid --fork --kill-child=KILL sh enter-sandbox.sh COMMAND...
# Nothing is mounted before propagation is off: what happens here stays here.
set -eu
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/sandbox
mount -t tmpfs -o mode=700,size=24m tmpfs /run/sandbox
mkdir /run/sandbox/upper /run/sandbox/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/sandbox/upper,workdir=/run/sandbox/work /etc
mount -t tmpfs -o mode=755 tmpfs /home
mount -t tmpfs -o mode=755 tmpfs /var/log
mount -t tmpfs -o mode=755 tmpfs /var/mail
exec "$@"
