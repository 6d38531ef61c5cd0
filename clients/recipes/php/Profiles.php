<?php

/** Users' profiles in Tencent Cloud IM: what a back end needs of the REST API. Nothing here knows of portraitd. */
final class Profiles
{
    public function __construct(
        private string $sdkappid,
        private string $admin,
        private string $usersig,
        private string $url = 'https://console.tim.qq.com',
    ) {
    }

    public function add(string $user): void
    {
        $this->call('im_open_login_svc/account_import', ['UserID' => $user]);
    }

    /** @param array<string, string|int> $fields */
    public function set(string $user, array $fields): void
    {
        $items = [];
        foreach ($fields as $name => $value) {
            $items[] = ['Tag' => "Tag_Profile_IM_$name", 'Value' => $value];
        }
        $this->call('profile/portrait_set', ['From_Account' => $user, 'ProfileItem' => $items]);
    }

    /** @return array<string, string|int> */
    public function get(string $user, string ...$names): array
    {
        $tags = array_map(fn (string $name): string => "Tag_Profile_IM_$name", $names);
        $answer = $this->call('profile/portrait_get', ['To_Account' => [$user], 'TagList' => $tags]);
        $found = [];
        foreach ($answer['UserProfileItem'][0]['ProfileItem'] as $item) {
            $found[substr($item['Tag'], 15)] = $item['Value'];
        }
        return $found;
    }

    private function call(string $path, array $body): array
    {
        $query = http_build_query([
            'sdkappid' => $this->sdkappid, 'identifier' => $this->admin, 'usersig' => $this->usersig,
            'random' => random_int(0, 0xffffffff), 'contenttype' => 'json',
        ]);
        $curl = curl_init("$this->url/v4/$path?$query");
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS => json_encode($body, JSON_THROW_ON_ERROR),
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 15,
        ]);
        $text = curl_exec($curl);
        if ($text === false) {
            throw new RuntimeException(curl_error($curl));
        }
        $answer = json_decode($text, true, 16, JSON_THROW_ON_ERROR);
        if ($answer['ErrorCode'] !== 0) {
            throw new RuntimeException($answer['ErrorInfo'], $answer['ErrorCode']);
        }
        return $answer;
    }
}
