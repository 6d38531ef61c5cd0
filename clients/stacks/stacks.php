<?php
// php stacks.php STACK URL: posts $BODY and prints the answer, as programs do that know nothing of portraitd.
[, $stack, $url] = $argv;
$body = getenv("BODY");
if ($stack === "curl") {
    $curl = curl_init($url);
    curl_setopt_array($curl, [CURLOPT_POSTFIELDS => $body, CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 10]);
    $answer = curl_exec($curl);
    if ($answer === false) {
        fwrite(STDERR, curl_error($curl) . "\n");
        exit(1);
    }
} else {
    $options = ["http" => ["method" => "POST", "content" => $body, "timeout" => 10, "header" => "Content-Type: application/json"]];
    $answer = file_get_contents($url, false, stream_context_create($options));
    if ($answer === false) {
        exit(1);
    }
}
echo $answer, "\n";
