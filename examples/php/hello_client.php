<?php

require __DIR__ . '/../../bindings/php/src/autoload.php';

$client = new Fast\Client('hello', ['timeout_ms' => 2000]);
foreach ($client->call('greet', ['world']) as $greeting) {
    echo $greeting, "\n";
}
