# ruby stacks.rb net-http URL: posts $BODY and prints the answer, as programs do that know nothing of portraitd.
require "net/http"

url = URI(ARGV[1])
Net::HTTP.start(url.host, url.port, use_ssl: url.scheme == "https") do |http|
  puts http.post(url.request_uri, ENV.fetch("BODY")).body
end
