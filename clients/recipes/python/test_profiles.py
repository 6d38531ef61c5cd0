import os
import unittest

from profiles import ImError, Profiles

WHO = [os.environ[name] for name in ("PORTRAITD_SDKAPPID", "PORTRAITD_ADMIN", "PORTRAITD_USERSIG")]


class ProfilesTest(unittest.TestCase):
    def check(self, profiles):
        profiles.add("py")
        profiles.set("py", Nick="昵称", BirthDay=19900101)
        self.assertEqual(profiles.get("py", "Nick", "BirthDay"), {"Nick": "昵称", "BirthDay": 19900101})
        with self.assertRaises(ImError) as raised:
            profiles.set("py", nickName="x")
        self.assertEqual(raised.exception.code, 40009)

    def test_as_in_production(self):
        """The cloud's own name: `portraitd run` leads it to the emulator, SSL_CERT_FILE has its certificate trusted."""
        self.check(Profiles(*WHO))

    def test_with_another_url(self):
        self.check(Profiles(*WHO, url=os.environ["PORTRAITD_URL"]))


if __name__ == "__main__":
    unittest.main()
