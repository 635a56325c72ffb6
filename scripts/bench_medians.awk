# The medians in the tree that divan prints: VERSION, NAME/OF/BENCH and nanoseconds, separated by tabs. A row is
#   │  ├─ 640x360     100.1 µs      │ 250 µs        │ 120.5 µs      │ 130.2 µs      │ 100     │ 100
# with the name after the tree, and the columns fastest, slowest, median, mean, samples and iterations. A row of throughputs has
# no name, and a row that only opens a branch no numbers.

function nanoseconds(text, parts) {
  split(text, parts, " ")
  if (parts[2] == "ns") return parts[1]
  if (parts[2] == "ms") return parts[1] * 1e6
  if (parts[2] == "s") return parts[1] * 1e9
  return parts[1] * 1e3
}

/fastest/ { split($0, word, " "); name[0] = word[1] }

/(├|╰)─/ {
  row = $0
  depth = 0
  # Three columns a level: a line that goes on or a blank, then the branch itself.
  while (sub(/^(│|├|╰| )(─| ) /, "", row)) depth++
  match(row, /^[^ ]+/)
  name[depth] = substr(row, 1, RLENGTH)
  columns = split(substr(row, RLENGTH + 1), column, /│/)
  if (columns < 6 || column[3] !~ /[0-9]/) next
  path = name[0]
  for (level = 1; level <= depth; level++) path = path "/" name[level]
  printf "%s\t%s\t%.1f\n", version, path, nanoseconds(column[3])
}
