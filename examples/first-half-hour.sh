#!/usr/bin/env bash
# A first half hour with microVMs, from the first one to the last: made, used, broken, gone back, tried in four ways at once, the best one kept, cleaned up.
# Needs a running Bigbox (./bigbox up), or FCCTL_URL and FCCTL_KEY of one elsewhere. It removes all that it makes.
set -euo pipefail

fcctl() { "$(dirname "$0")/../fcctl" "$@"; }
step() { printf '\n== %s\n' "$1"; }
# Writes a command line as somebody would have typed it.
write_line() {
  printf '$ fcctl'
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9_./:=@-]+$ ]]; then printf ' %s' "$word"; else printf ' %s' "${word@Q}"; fi
  done
  printf '\n'
}
# Shows a command line and runs it.
show() {
  write_line "$@"
  fcctl "$@"
}
# Shows a command line, runs it, and keeps what it prints, an id a line, in `kept`.
keep() {
  write_line "$@"
  mapfile -t kept < <(fcctl "$@")
  [ "${#kept[@]}" -gt 0 ] || exit 1
  printf '%s\n' "${kept[@]}"
}

label="half-hour=$$"
work=$(mktemp -d)
clean_up() {
  local ids
  ids=$(fcctl vm list --label "$label" | awk 'NR > 1 { print $1 }')
  # shellcheck disable=SC2086 # one word an id
  [ -z "$ids" ] || fcctl vm rm $ids > "$work/removed"
  rm -r "$work"
}
trap clean_up EXIT

step 'Make a VM'
keep vm create --name "sorter-$$" --label "$label" --timeout 1800 --wait
vm=${kept[0]}
show vm show "$vm"

step 'Look around in it. With a terminal of your own: fcctl vm shell'
show vm exec "$vm" -- uname -srm
show vm exec "$vm" --shell -- 'whoami; pwd; free -m | head -n 2'

step 'Copy a program and its data in, and run it'
cat > "$work/sort.py" << 'PROGRAM'
import sys, time

how = sys.argv[1] if len(sys.argv) > 1 else "bubble"
numbers = [int(line) for line in open("numbers.txt")]

def bubble(values):
    values = list(values)
    for end in range(len(values) - 1, 0, -1):
        for index in range(end):
            if values[index] > values[index + 1]:
                values[index], values[index + 1] = values[index + 1], values[index]
    return values

def insertion(values):
    done = []
    for value in values:
        index = len(done)
        while index > 0 and done[index - 1] > value:
            index -= 1
        done.insert(index, value)
    return done

def merge(values):
    if len(values) < 2:
        return list(values)
    left, right = merge(values[: len(values) // 2]), merge(values[len(values) // 2 :])
    done = []
    while left and right:
        done.append(left.pop(0) if left[0] <= right[0] else right.pop(0))
    return done + left + right

began = time.monotonic()
result = {"bubble": bubble, "insertion": insertion, "merge": merge, "built-in": sorted}[how](numbers)
assert all(one <= other for one, other in zip(result, result[1:]))
print(int((time.monotonic() - began) * 1e6), how)
PROGRAM
awk 'BEGIN { srand(1); for (i = 0; i < 400; i++) print int(rand() * 10000) }' > "$work/numbers.txt"
show cp "$work/sort.py" "$vm:sort.py"
show cp "$work/numbers.txt" "$vm:numbers.txt"
show vm exec "$vm" -- python3 sort.py

step 'Keep a snapshot, then break the machine'
keep vm snapshot "$vm" --name "before-$$" --label "$label"
snapshot=${kept[0]}
show vm exec "$vm" --user root --shell -- 'rm -rf /home/sandbox/* /usr/lib/python3*'
if show vm exec "$vm" -- python3 sort.py; then
  echo 'It still runs, which it should not.' >&2
  exit 1
fi

step 'Go back: a VM from the snapshot has it all again'
fcctl vm rm "$vm" > "$work/removed"
keep vm create --snapshot "$snapshot" --name "again-$$" --label "$label" --timeout 1800 --wait
vm=${kept[0]}
show vm exec "$vm" -- python3 sort.py
show snapshot rm "$snapshot"

step 'Fork it four times and try four ways at once'
keep vm fork "$vm" --count 4 --name "way-$$" --wait
forks=("${kept[@]}")
ways=(bubble insertion merge built-in)
for index in 0 1 2 3; do
  fcctl vm exec "${forks[index]}" -- python3 sort.py "${ways[index]}" > "$work/way-$index" &
done
wait
for index in 0 1 2 3; do sed "s/$/ ${forks[index]}/" "$work/way-$index"; done | sort -n | tee "$work/ranking"
read -r microseconds best winner < "$work/ranking"

step "Promote the best, $best with $microseconds us: $vm goes on as it is, and the other forks are gone"
show vm promote "$winner"
show vm list --label "$label"
show vm exec "$vm" -- python3 sort.py "$best"
show vm stats "$vm"

step 'Open a preview of what a program in the VM answers; the VM needs no network for it'
show vm exec "$vm" --shell -- "python3 sort.py $best > result.txt"
keep vm exec "$vm" --detach -- python3 -m http.server 8000
keep vm preview "$vm" 8000 --ttl 600
preview=${kept[0]}
curl -sS --retry 20 --retry-delay 1 --retry-all-errors --fail "${preview}result.txt"
show vm port ls "$vm"

step 'Delete it'
show vm rm "$vm"
printf '\nDone. Nothing is left of it.\n'
