package profiles

import (
	"errors"
	"os"
	"testing"
)

func client(url string) Client {
	return Client{url, os.Getenv("PORTRAITD_SDKAPPID"), os.Getenv("PORTRAITD_ADMIN"), os.Getenv("PORTRAITD_USERSIG")}
}

func check(t *testing.T, c Client) {
	const nick = "Tag_Profile_IM_Nick"
	if err := c.Add("gopher"); err != nil {
		t.Fatal(err)
	}
	if err := c.Set("gopher", Item{nick, "昵称"}); err != nil {
		t.Fatal(err)
	}
	items, err := c.Get("gopher", nick)
	if err != nil || len(items) != 1 || items[0].Value != "昵称" {
		t.Fatal(items, err)
	}
	var refused *Error
	if err := c.Set("gopher", Item{"nickName", "x"}); !errors.As(err, &refused) || refused.ErrorCode != 40009 {
		t.Fatal(err)
	}
}

// The cloud's own name: `portraitd run` leads it to the emulator, SSL_CERT_FILE has its certificate trusted.
func TestAsInProduction(t *testing.T) { check(t, client(Cloud)) }

func TestWithAnotherURL(t *testing.T) { check(t, client(os.Getenv("PORTRAITD_URL"))) }
