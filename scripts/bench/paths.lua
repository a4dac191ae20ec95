-- wrk -s paths.lua URL -- FILE: asks for the paths in FILE, one a line, beginning anywhere and going round.
local requests = {}
local at

function init(args)
  local made = {}
  for path in io.lines(args[1]) do
    made[path] = made[path] or wrk.format("GET", path)
    requests[#requests + 1] = made[path]
  end
  at = os.time() * 7919 % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
end
