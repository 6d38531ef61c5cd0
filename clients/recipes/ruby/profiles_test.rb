# frozen_string_literal: true

require "minitest/autorun"
require_relative "profiles"

class ProfilesTest < Minitest::Test
  WHO = {
    sdkappid: ENV.fetch("PORTRAITD_SDKAPPID"),
    admin: ENV.fetch("PORTRAITD_ADMIN"),
    usersig: ENV.fetch("PORTRAITD_USERSIG")
  }.freeze

  # The cloud's own name: `portraitd run` leads it to the emulator.
  def test_as_in_production
    check(Profiles.new(**WHO))
  end

  def test_with_another_url
    check(Profiles.new(**WHO, url: ENV.fetch("PORTRAITD_URL")))
  end

  private

  def check(profiles)
    profiles.add("ruby")
    profiles.set("ruby", "Nick" => "昵称", "BirthDay" => 19_900_101)
    assert_equal({ "Nick" => "昵称", "BirthDay" => 19_900_101 }, profiles.get("ruby", "Nick", "BirthDay"))
    refused = assert_raises(Profiles::Error) { profiles.set("ruby", "nickName" => "x") }
    assert_equal 40_009, refused.code
  end
end
