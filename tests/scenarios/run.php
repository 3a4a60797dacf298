<?php

// The scenario runner of PHP. See README.md.

declare(strict_types=1);

require_once __DIR__ . '/../../bindings/php/src/autoload.php';

/** @return array{list<mixed>, ?Fast\FastException, 2?: int} the values that came, the error that followed them, and their count */
function run(Fast\Client $client, object $scenario): array
{
    $values = [];
    $options = (array) ($scenario->options ?? []);
    $call = [$scenario->method, $scenario->args, $options];
    try {
        if (isset($scenario->max_values)) {
            $buffered = $client->callBuffered($scenario->method, $scenario->args, $scenario->max_values, $options);

            return [$buffered->values, $buffered->error, $buffered->count];
        }
        for ($i = 0; $i < ($scenario->keys ?? 0); $i++) {
            $values[] = $client->call($scenario->method, $scenario->args, ['affinity' => "key-$i"] + $options)[0];
        }
        if (isset($scenario->keys)) {
            return [$values, null];
        }
        if ($scenario->stream ?? false) {
            foreach ($client->stream(...$call) as $value) {
                $values[] = $value;
            }
        } else {
            $values = $client->call(...$call);
        }
    } catch (Fast\FastException $error) {
        return [$values, $error];
    }

    return [$values, null];
}

/** @return array{list<mixed>, ?Fast\FastException, 2?: int} */
function run_with_own_client(object $scenario): array
{
    try {
        $client = new Fast\Client($scenario->target, (array) $scenario->client_options);
    } catch (Fast\FastException $error) {
        return [[], $error];
    }
    try {
        return run($client, $scenario);
    } finally {
        $client->close();
    }
}

/** @return ?array<string, mixed> */
function describe(?Fast\FastException $error): ?array
{
    return $error === null ? null : [
        'code' => $error->fastCode,
        'message' => $error->getMessage(),
        'endpoint' => $error->endpoint,
        'retriable' => $error->retriable,
        'name' => $error->remoteName,
        'info' => $error->info,
        'remote_message' => $error->remoteMessage,
        'context' => $error->context,
        'ase_errors' => $error->aseErrors,
        'cause_name' => $error->causeName,
        'merged_info' => $error->mergedInfo,
    ];
}

const AS_IT_CAME = JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE;

$clients = [];
while (($line = fgets(STDIN)) !== false) {
    $scenario = json_decode($line, false, 10_000, JSON_THROW_ON_ERROR);
    $start = hrtime(true);
    try {
        $outcome = isset($scenario->client_options)
            ? run_with_own_client($scenario)
            : run($clients[$scenario->target] ??= new Fast\Client($scenario->target), $scenario);
    } catch (Fast\FastException $refused) {
        // The target.
        $outcome = [[], $refused];
    }
    $answer = ['values' => $outcome[0], 'count' => $outcome[2] ?? null, 'error' => describe($outcome[1])];
    $answer['ms'] = intdiv(hrtime(true) - $start, 1_000_000);
    fwrite(STDOUT, json_encode($answer, AS_IT_CAME, 10_000) . "\n");
}
