<?php

require __DIR__ . '/../../bindings/php/src/autoload.php';

$client = new Fast\Client('hello', ['timeout_ms' => 2000]);
$client->intercept(function (Fast\OutgoingCall $call) {
    $call->onEnd(function (Fast\Outcome $end) use ($call) {
        $how = $end->error === null ? 'ok' : $end->error->getMessage();
        echo "$call->method: $end->values values, $how, $end->attempts attempts\n";
    });
});
// PHP has no servers: here the client refuses, and nothing is sent.
$client->intercept(function (Fast\OutgoingCall $call) {
    if ($call->args === ['Mallory']) {
        throw new DomainException('Denied');
    }
});
foreach (['world', 'Mallory'] as $name) {
    try {
        $client->call('greet', [$name]);
    } catch (DomainException) {
    }
}
