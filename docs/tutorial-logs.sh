#!/bin/sh
# Writes the access log of a small web shop, the same one each time: three days, about two thousand requests in the combined
# format of Apache and nginx, a robot, an outage, and some lines that are no requests at all.
exec awk '
# Park and Miller: the same numbers from every awk.
function next_number(below) {
    seed = (seed * 16807) % 2147483647
    return seed % below
}
function pick(list, count) {
    return list[1 + next_number(count)]
}
BEGIN {
    seed = 20251010
    pages = split("/ /basket /about /search?q=honey /search?q=hive+tool&page=2 /item/17 /item/23 /item/42 /item/99", page, " ")
    referrers = split("- - - https://search.example/ https://news.example/bees", referrer, " ")
    agents = split("Mozilla/5.0 (X11; Linux x86_64)|Mozilla/5.0 (Windows NT 10.0)|Mozilla/5.0 (iPhone)", agent, "|")
    clock = 28800
    for (number = 1; number <= 2000; number++) {
        clock += 20 + next_number(160)
        day = 10 + int(clock / 86400)
        time = clock % 86400
        stamp = sprintf("%02d/Oct/2025:%02d:%02d:%02d +0000", day, time / 3600, time / 60 % 60, time % 60)
        if (next_number(400) == 0) {
            print "kernel: martian source, ignored"
            continue
        }
        if (next_number(12) == 0) {
            printf "198.51.100.9 - - [%s] \"GET %s HTTP/1.1\" 200 %d \"-\" \"Robot/2.1 (+https://robot.example)\"\n", \
                stamp, pick(page, pages), 400 + next_number(4000)
            continue
        }
        status = next_number(40) == 0 ? 404 : 200
        # The database was away on the second day, from nine to ten.
        if (day == 11 && time >= 32400 && time < 36000 && next_number(2) == 0) status = 503
        size = status == 200 ? 400 + next_number(20000) : "-"
        method = next_number(15) == 0 ? "POST" : "GET"
        printf "203.0.113.%d - %s [%s] \"%s %s HTTP/1.1\" %d %s \"%s\" \"%s\"\n", 1 + next_number(60), \
            next_number(9) == 0 ? "ada" : "-", stamp, method, pick(page, pages), status, size, \
            pick(referrer, referrers), pick(agent, agents)
    }
}'
