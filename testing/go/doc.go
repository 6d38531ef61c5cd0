// Package portraitdtest gives each test a throw-away app of the portraitd emulator:
//
//	func TestProfiles(t *testing.T) {
//		app := portraitdtest.NewApp(t)
//		client := profiles.Client{URL: app.URL, SDKAppID: app.SDKAppID, UserSig: app.UserSig}
//		…
//	}
//
// The emulator at PORTRAITD_URL is reused; without one, the test binary starts its own, which ends with it, also when the
// test binary is killed. Tests may run in parallel: no app sees another's accounts, faults and recorded calls.
package portraitdtest
