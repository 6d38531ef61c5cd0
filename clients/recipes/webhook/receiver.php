<?php

// Receives Profile.CallbackPortraitSet, and refuses what was not signed with the token in WEBHOOK_TOKEN.
// To try it: WEBHOOK_TOKEN=… php -S 127.0.0.1:9000 receiver.php

declare(strict_types=1);

const AGE_SECONDS_MAX = 300;

/** Says why a call is not genuine; null when it is. */
function refusal(string $token, string $body): ?string
{
    $time = is_string($_GET['RequestTime'] ?? null) ? $_GET['RequestTime'] : '';
    $sign = is_string($_GET['Sign'] ?? null) ? $_GET['Sign'] : '';
    if (!hash_equals(hash('sha256', $token . $time), $sign)) {
        return 'Sign is wrong';
    }
    if (!ctype_digit($time) || abs(time() - (int) $time) > AGE_SECONDS_MAX) {
        return 'RequestTime is too far away';
    }
    // Sign does not cover the body; this does. The cloud does not send it: leave this check out where the cloud calls.
    $stamp = $_SERVER['HTTP_X_PORTRAITD_TIMESTAMP'] ?? '';
    $signed = 'v1=' . hash_hmac('sha256', "$stamp.$body", $token);
    if (!hash_equals($signed, $_SERVER['HTTP_X_PORTRAITD_SIGNATURE'] ?? '')) {
        return 'x-portraitd-signature is wrong';
    }
    return $stamp === $time ? null : 'x-portraitd-timestamp is not RequestTime';
}

/** Whether an event came before; a real back end asks its database, in the transaction that uses the event. */
function isRepeated(string $eventId): bool
{
    $file = sys_get_temp_dir() . '/event-' . hash('sha256', $eventId);
    return @fopen($file, 'x') === false;
}

$token = getenv('WEBHOOK_TOKEN') ?: exit('WEBHOOK_TOKEN is not set');
$body = (string) file_get_contents('php://input');
$why = refusal($token, $body);
if ($why === null) {
    $account = json_decode($body, true)['From_Account'] ?? '';
    $what = isRepeated($_SERVER['HTTP_X_PORTRAITD_EVENT_ID'] ?? '') ? 'repeated' : 'accepted';
    file_put_contents('php://stdout', "$what $account\n");
} else {
    file_put_contents('php://stdout', "refused: $why\n");
    http_response_code(403);
}
header('Content-Type: application/json');
$status = $why === null ? 'OK' : 'FAIL';
echo json_encode(['ActionStatus' => $status, 'ErrorCode' => $why === null ? 0 : 1, 'ErrorInfo' => (string) $why]);
