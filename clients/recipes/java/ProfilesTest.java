public final class ProfilesTest {
    private static void check(Profiles profiles) throws Exception {
        expect(profiles.add("duke"), "\"ErrorCode\":0");
        expect(profiles.set("duke", "Tag_Profile_IM_Nick", "昵称"), "\"ErrorCode\":0");
        expect(profiles.get("duke", "Tag_Profile_IM_Nick"), "\"Value\":\"昵称\"");
        expect(profiles.set("duke", "nickName", "x"), "\"ErrorCode\":40009");
    }

    private static void expect(String answer, String part) {
        if (!answer.contains(part)) {
            throw new AssertionError(answer + " does not hold " + part);
        }
    }

    private static Profiles at(String url) {
        return new Profiles(url, System.getenv("PORTRAITD_SDKAPPID"), System.getenv("PORTRAITD_ADMIN"),
                System.getenv("PORTRAITD_USERSIG"));
    }

    public static void main(String[] arguments) throws Exception {
        // The cloud's own name: `portraitd run` leads it to the emulator, JAVA_TOOL_OPTIONS names the trust store.
        check(at(Profiles.CLOUD));
        check(at(System.getenv("PORTRAITD_URL")));
        System.out.println("2 passed");
    }
}
