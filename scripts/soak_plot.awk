# Draws the samples of scripts/soak as an SVG: awk -v title=TITLE -f soak_plot.awk soak.csv >soak.svg
# Four panels over time: frames a second (mean of the last 10 seconds or more), memory, threads, handles.

BEGIN { FS = ","; WIDTH = 900; LEFT = 70; RIGHT = 20; TOP = 40; HEIGHT = 120; GAP = 40; MEAN = 10 }

NR > 1 {
  n++
  second[n] = $1
  frames[n] = $2
  value[n, 2] = $3 / 1024
  value[n, 3] = $4
  value[n, 4] = $5
}

# The next of 1, 2, 5, 10, 20, 50 ... that is at least `least`.
function round_up(least,   power) {
  for (power = 1; power * 10 < least; power *= 10);
  return least <= power ? power : least <= 2 * power ? 2 * power : least <= 5 * power ? 5 * power : 10 * power
}

function across(time) { return LEFT + (WIDTH - LEFT - RIGHT) * time / (second[n] > 0 ? second[n] : 1) }

function text(x, y, anchor, words) {
  printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, words
}

function line(x1, y1, x2, y2) {
  printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ccc\"/>\n", x1, y1, x2, y2
}

function panel(place, name,   top, bottom, most, limit, step, i, y) {
  top = TOP + (place - 1) * (HEIGHT + GAP)
  bottom = top + HEIGHT
  for (i = 1; i <= n; i++) if (value[i, place] > most) most = value[i, place]
  step = round_up((most > 0 ? most : 1) / 4)
  for (limit = step; limit < most; limit += step);
  for (y = 0; y <= limit; y += step) {
    line(LEFT, bottom - HEIGHT * y / limit, WIDTH - RIGHT, bottom - HEIGHT * y / limit)
    text(LEFT - 6, bottom - HEIGHT * y / limit + 4, "end", y)
  }
  text(LEFT, top - 6, "start", name)
  step = round_up(second[n] / 8)
  for (i = 0; i <= second[n]; i += step) {
    line(across(i), bottom, across(i), bottom + 4)
    text(across(i), bottom + 16, "middle", i " s")
  }
  printf "<polyline fill=\"none\" stroke=\"#c33\" stroke-width=\"1.5\" points=\""
  for (i = 1; i <= n; i++) if ((i, place) in value) printf "%.1f,%.1f ", across(second[i]), bottom - HEIGHT * value[i, place] / limit
  print "\"/>"
}

END {
  if (n == 0) exit 1
  # Over whole steps where the count grows in steps, as that of segments does: from one growth to a later one.
  kept = 1; rate = -1
  for (i = 2; i <= n; i++) {
    if (frames[i] > frames[i - 1] && second[i] - second[kept] >= MEAN) {
      if (frames[kept] > 0) rate = (frames[i] - frames[kept]) / (second[i] - second[kept])
      kept = i
    }
    if (rate >= 0) value[i, 1] = rate
  }
  height = TOP + 4 * (HEIGHT + GAP)
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", WIDTH, height
  print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
  text(WIDTH - RIGHT, 18, "end", title ", " second[n] " s")
  panel(1, "frames a second")
  panel(2, "memory, MiB")
  panel(3, "threads")
  panel(4, "file handles")
  print "</svg>"
}
