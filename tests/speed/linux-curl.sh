#!/bin/sh
# What curl of the page of `cargo skep bench` costs on Linux, in the emulator that Skep runs in: instructions of the whole machine from
# its first one to power off, with no curl, one, and two, counted by the same plugin. Debian's cloud kernel, busybox and this
# computer's curl with its libraries in a ramdisk that is not packed; DHCP; no mitigations. Run `cargo skep bench` first, which
# leaves the page and the plugin. Usage, in the project's folder, with an empty folder for what is downloaded: linux-curl.sh FOLDER
set -eu
root=$(pwd)
plugin=$root/target/release/libtests_perf_plugin.so
page=$root/target/skep/bench-open.html
port=8911
test -e "$plugin" && test -e "$page"
cd "$1"

kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -n 1)
apt-get download "$kernel" busybox-static
for package in *.deb; do dpkg-deb --extract "$package" unpacked; done

mkdir -p ram/bin ram/mod ram/proc ram/dev
cp unpacked/bin/busybox "$(command -v curl)" ram/bin
for name in sh ip insmod udhcpc poweroff mount sed; do ln -s busybox "ram/bin/$name"; done
for library in $(ldd "$(command -v curl)" | grep -o '/[^ ]*'); do
    mkdir -p "ram$(dirname "$library")"
    cp -L "$library" "ram$library"
done
modules='virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover virtio_net'
for module in $modules; do find unpacked -name "$module.ko" -exec cp {} ram/mod \;; done
cat > ram/dhcp <<'END'
#!/bin/sh
test "$1" = bound && ip address add "$ip/24" dev "$interface" && ip route add default via "$router"
exit 0
END
cat > ram/init <<END
#!/bin/sh
mount -t proc proc /proc
for module in $modules; do insmod "/mod/\$module.ko"; done
ip link set eth0 up
udhcpc -i eth0 -q -n -f -s /dhcp
for curl in \$(sed -n 's/.*curls=\([a-z,]*\).*/\1/p' /proc/cmdline | sed 's/,/ /g'); do curl -s "http://10.0.2.2:$port/"; done
poweroff -f
END
chmod +x ram/init ram/dhcp
(cd ram && find . | ../unpacked/bin/busybox cpio -o -H newc > ../ram.cpio)

mkdir -p www
cp "$page" www/index.html
python3 -m http.server "$port" --bind 127.0.0.1 --directory www > /dev/null 2>&1 &
server=$!
trap 'kill $server' EXIT
for curls in '' one one,two; do
    timeout 600 qemu-system-x86_64 -nodefaults -no-user-config -machine q35 -accel tcg -smp 1 -m 256M -display none -vga none \
        -cpu EPYC,+svm,+npt,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-nrip-save,-xsavec \
        -nic none -netdev user,id=net -device virtio-net-pci,netdev=net,romfile=,disable-legacy=on -no-reboot \
        -kernel unpacked/boot/vmlinuz-* -initrd ram.cpio -append "console=ttyS0 quiet mitigations=off curls=$curls" \
        -serial file:screen -plugin "file=$plugin" -d plugin -D counts < /dev/null
    echo "curls=$curls pages=$(grep -c 'This is the end of the page.' screen || true) $(grep retired counts)"
done
