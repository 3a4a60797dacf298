<?php

// One of several processes of which one keeps the list of servers for all: makes a call, prints its process and how many servers it
// knows. In a web server that is a request. A program has a child do the same, and lives until its input ends.

declare(strict_types=1);

require_once __DIR__ . '/../../src/autoload.php';

$answer = static function (): void {
    $options = ['registry_cache' => 'leader', 'registry_cache_dir' => getenv('CACHE'), 'zookeeper_session_ms' => 4000];
    $client = Fast\Client::shared('calc', getenv('TARGET'), $options);
    echo json_encode([getmypid(), $client->call('add', [2, 3])[0], count($client->stats()['endpoints'])]), "\n";
};
$answer();
if (PHP_SAPI !== 'cli') {
    // So that requests that come together are not all answered by one worker.
    usleep(10_000);
} elseif (pcntl_fork() === 0) {
    $answer();
} else {
    pcntl_wait($status);
    $status === 0 || exit(1);
    stream_get_contents(STDIN);
}
