<?php

// The client that the examples of all languages share: php calc_client.php TARGET. See examples/README.md.

declare(strict_types=1);

require_once __DIR__ . '/../../bindings/php/src/autoload.php';

const CALLS = 1000;

$target = $argv[1] ?? exit("usage: php calc_client.php TARGET\n");
$client = new Fast\Client($target, ['policy' => 'round_robin']);

[$ok, $failed, $servers, $times] = [0, 0, [], []];
for ($i = 0; $i < CALLS; $i++) {
    $start = hrtime(true);
    try {
        [$answer] = $client->call('add', [$i, 1], ['idempotent' => true]);
    } catch (Fast\FastException) {
        $failed++;
        continue;
    }
    $times[] = intdiv(hrtime(true) - $start, 1000);
    $answer->sum === $i + 1 ? $ok++ : $failed++;
    $servers[$answer->server] = ($servers[$answer->server] ?? 0) + 1;
}
sort($times);

$values = 0;
try {
    foreach ($client->stream('range', [CALLS]) as $value) {
        if ($value->value !== $values) {
            break;
        }
        $values++;
    }
} catch (Fast\FastException $error) {
    fwrite(STDERR, "range: $error->fastCode: {$error->getMessage()}\n");
}

/** @param array<string, int> $options */
function failure(Fast\Client $client, string $method, array $args, array $options = []): string
{
    try {
        $client->call($method, $args, $options);
    } catch (Fast\FastException $error) {
        return trim("$error->fastCode $error->remoteName");
    }

    return '';
}

echo json_encode([
    'language' => 'php',
    'ok' => $ok,
    'failed' => $failed,
    'values' => $values,
    'servers' => (object) $servers,
    'p50_us' => $times[intdiv(count($times), 2)] ?? 0,
    'p99_us' => $times[intdiv(count($times) * 99, 100)] ?? 0,
    'error' => failure($client, 'fail', []),
    'timeout' => failure($client, 'slow', [10000], ['timeout_ms' => 100]),
]), "\n";
