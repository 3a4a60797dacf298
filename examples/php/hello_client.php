<?php

require_once __DIR__ . '/../../bindings/php/src/autoload.php';

$calc = new Fast\Client('calc', ['timeout_ms' => 2000]);
try {
    [$answer] = $calc->call('add', [2, 3]);
    echo "2 + 3 = $answer->sum, says $answer->server\n";
    foreach ($calc->stream('range', [5]) as $value) {
        echo "$value->value\n";
    }
} catch (Fast\FastException $error) {
    echo "$error->fastCode: {$error->getMessage()}\n";
}
