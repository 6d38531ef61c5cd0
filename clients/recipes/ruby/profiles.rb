# frozen_string_literal: true

require "json"
require "net/http"
require "securerandom"
require "uri"

# Users' profiles in Tencent Cloud IM: what a back end needs of the REST API. Nothing here knows of portraitd.
class Profiles
  CLOUD = "https://console.tim.qq.com"

  # An answer other than OK.
  class Error < StandardError
    attr_reader :code

    def initialize(answer)
      super("#{answer["ErrorCode"]} #{answer["ErrorDisplay"]} #{answer["ErrorInfo"]}")
      @code = answer["ErrorCode"]
    end
  end

  def initialize(sdkappid:, admin:, usersig:, url: CLOUD)
    @url = url
    @query = { sdkappid: sdkappid, identifier: admin, usersig: usersig, contenttype: "json" }
  end

  def add(user)
    call("im_open_login_svc/account_import", UserID: user)
  end

  def set(user, fields)
    items = fields.map { |name, value| { Tag: "Tag_Profile_IM_#{name}", Value: value } }
    call("profile/portrait_set", From_Account: user, ProfileItem: items)
  end

  def get(user, *names)
    tags = names.map { |name| "Tag_Profile_IM_#{name}" }
    answer = call("profile/portrait_get", To_Account: [user], TagList: tags)
    answer["UserProfileItem"][0]["ProfileItem"].to_h { |item| [item["Tag"].delete_prefix("Tag_Profile_IM_"), item["Value"]] }
  end

  private

  def call(path, body)
    query = URI.encode_www_form(@query.merge(random: SecureRandom.random_number(2**32)))
    uri = URI("#{@url}/v4/#{path}?#{query}")
    # Net::HTTP itself asks http_proxy, for HTTPS too; find_proxy asks https_proxy, and no_proxy.
    proxy = uri.find_proxy
    http = Net::HTTP.new(uri.host, uri.port, proxy&.host, proxy&.port)
    http.use_ssl = uri.scheme == "https"
    http.open_timeout = http.read_timeout = 15
    response = http.post(uri.request_uri, JSON.generate(body), "Content-Type" => "application/json")
    answer = JSON.parse(response.body)
    raise Error, answer unless answer["ErrorCode"].zero?

    answer
  end
end
