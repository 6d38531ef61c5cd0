<?php

require __DIR__ . '/Profiles.php';

function check(Profiles $profiles): void
{
    $profiles->add('elephant');
    $profiles->set('elephant', ['Nick' => '昵称', 'BirthDay' => 19900101]);
    $found = $profiles->get('elephant', 'Nick', 'BirthDay');
    $found === ['Nick' => '昵称', 'BirthDay' => 19900101] || exit(var_export($found, true) . "\n");
    try {
        $profiles->set('elephant', ['nickName' => 'x']);
        exit("an unknown tag was taken\n");
    } catch (RuntimeException $refused) {
        $refused->getCode() === 40009 || throw $refused;
    }
}

$who = array_map('getenv', ['PORTRAITD_SDKAPPID', 'PORTRAITD_ADMIN', 'PORTRAITD_USERSIG']);
// The cloud's own name: `portraitd run` leads it to the emulator, curl.cainfo has its certificate trusted.
check(new Profiles(...$who));
check(new Profiles(...$who, url: getenv('PORTRAITD_URL')));
echo "2 passed\n";
