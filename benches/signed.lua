-- For wrk: sends signed requests, each with the next of many headers that were signed before.
--   wrk -t1 -c16 -d4 -s signed.lua URL -- FILE
-- FILE has one value of `Authorization` a line.

function init(args)
  requests, sent = {}, 0
  for line in io.lines(args[1]) do
    wrk.headers["Authorization"] = line
    requests[#requests + 1] = wrk.format()
  end
end

function request()
  sent = sent + 1
  return requests[sent % #requests + 1]
end
