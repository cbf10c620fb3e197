BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	submission_id INTEGER NOT NULL, 
	file TEXT NOT NULL, 
	source_hash VARCHAR(64) NOT NULL, 
	handed_in DATETIME NOT NULL, 
	recorded DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(submission_id) REFERENCES submissions (id), 
	UNIQUE (submission_id, source_hash, handed_in)
);
INSERT INTO "attempts" VALUES(1,1,'ada.py','585e525a376cabd8d69c4a6303e9d1e2ab634621c44574a00180ffcfd0e2a663','2026-11-28 15:30:44.877159','2026-11-28 15:30:48.553217');
INSERT INTO "attempts" VALUES(2,2,'ben.py','22e4b0b973a55d95e9d67326f6ecccd87db8461360249586c2f8fcdb63c6944b','2026-11-28 15:30:44.877223','2026-11-28 15:30:48.559857');
INSERT INTO "attempts" VALUES(3,3,'dora.py','046ba56dcf37eaa9a8c68105caba92f2d82c7f07d06483ced1474ab01d247286','2026-11-28 15:30:44.877257','2026-11-28 15:30:48.563817');
INSERT INTO "attempts" VALUES(4,4,'eli.py','5f3f30424960c1b631d8736f8373f5ad7bc806874dd8fb8ef4545f3c2a4e4145','2026-11-28 15:30:44.877291','2026-11-28 15:30:48.567751');
INSERT INTO "attempts" VALUES(5,5,'hal.py','585e525a376cabd8d69c4a6303e9d1e2ab634621c44574a00180ffcfd0e2a663','2026-11-28 15:30:44.877320','2026-11-28 15:30:48.571923');
INSERT INTO "attempts" VALUES(6,2,'ben.py','fa9fe4577ce1532ab0fc7eebbbcc5a8279fdb505c0c37732fde6f3b61dfd052e','2026-11-28 15:31:01.819791','2026-11-28 15:31:05.099816');
CREATE TABLE chain (
	number INTEGER NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	"key" VARCHAR(80) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	mac VARCHAR(64) NOT NULL, 
	PRIMARY KEY (number), 
	UNIQUE (name, "key")
);
INSERT INTO "chain" VALUES(1,'submissions','1','cbcfa4ae2420331327cbd9e6012799d968343511c4153614a66d7bd6115ae914','af1a2846dda5e49c57607ce23c7fe0654bbda01dcde9253ac6c137a9fb8b0155');
INSERT INTO "chain" VALUES(2,'attempts','1','e951b993963d3417c73c582fbe7ad8b41b00538d8be0e971914b98f87d4eb889','0c38b48d487a0ba42593e63e80e29f68a5ec06b54fbf9b60d3ce007ac25136c1');
INSERT INTO "chain" VALUES(3,'sources','585e525a376cabd8d69c4a6303e9d1e2ab634621c44574a00180ffcfd0e2a663','5d9db1cbed7b78cfc46e88bd9acefcfd8283ca18fb7af87ad618221527d90479','442c63b80c43cf2514ac97e52df98a536095268731eaef7ebbb268db7b98c75b');
INSERT INTO "chain" VALUES(4,'submissions','2','0c48ec0b0c7d2a2ce535993d1ace34329ef351cf21e4f82372cb32b401b6d872','7bbc1e0d00f491f69eef61ae985634bb3e8760c5ea5ba399a5d3506bf1ad56e1');
INSERT INTO "chain" VALUES(5,'attempts','2','11853fbfebbfde974f508b0fed35459193077182590fb7c484100ffdf83bdd9c','6b39428a0d1d1721eedbee54efc9cd3413191e782bf0addfa09c3484a6924f0a');
INSERT INTO "chain" VALUES(6,'sources','22e4b0b973a55d95e9d67326f6ecccd87db8461360249586c2f8fcdb63c6944b','3d1ae52366f64b4bc1f34d2b645762f40ac2312d208e45b414f09f5ff11488e8','166f8defba6d9d4d753e8a8dcf590a596693b2fac53a61a8a3eda0f31bb76124');
INSERT INTO "chain" VALUES(7,'submissions','3','849ecc45b1dea74ba3ad30b0c1b83e9d6b6c1574e9c6170038861f2fdd1d611c','fec4a67a0264ec458274edcd1da01ee5511e8c491ecd7683655319aa11a0ea33');
INSERT INTO "chain" VALUES(8,'attempts','3','51bc324afd19fcc36508486771311c215f4f0a5d7b2b913b0f1f8ca1c9ec911f','578606c7547790fbb91be81998cbb89d7d5b447d45255b9f7afc10fe05c7e5ba');
INSERT INTO "chain" VALUES(9,'sources','046ba56dcf37eaa9a8c68105caba92f2d82c7f07d06483ced1474ab01d247286','0e4ee65878fad0f9eb27147ad0d123a300ba7f5e599c960fb6ad22c2d8dd0ae1','e1dd777917c40f6c328dc8c510210156c05c0ff4adc69a957f42f37753ea2257');
INSERT INTO "chain" VALUES(10,'submissions','4','af7069f524fabe550609e9c0eaabc96e0c9e2367d2c32148a4c6059c9295756c','1bf3a6d7bc693abb22de301f221b80ce8c80bced333fc2d41f7ac5ae5fdd3c53');
INSERT INTO "chain" VALUES(11,'attempts','4','44822ae4992b49158107592b41f0266a8a7aefb7ca1635ce93a755e205ee5572','bf5debc61212732d604c1c86b1c5822a825d59669c3933aa0aa9d4a6671e06e2');
INSERT INTO "chain" VALUES(12,'sources','5f3f30424960c1b631d8736f8373f5ad7bc806874dd8fb8ef4545f3c2a4e4145','dbcc5e6255ffcb2e76b1a3b3581a8e39933b840ad46da8a18d82dfa9093b2062','4386b2e03c059e2455434ea9e933ce0ac647d3db5d259bf61f0af7a23308eae6');
INSERT INTO "chain" VALUES(13,'submissions','5','b296da2dc426d9f2c724cc2e6aeaee829c21d426b385c8916c324c3abffdcff5','c3b732ae4f2c7c1bc285c72efa7d5617ae398da2b873199448b31fcec5c5d040');
INSERT INTO "chain" VALUES(14,'attempts','5','cdd750c587abf60ee3cf6ca7741d3a26a242c8373599c91368394284c54d454b','8e1f7baa147d8a8ea45399145edeee39dbf03f3723fdf727c909fbe0671259ef');
INSERT INTO "chain" VALUES(15,'specs','3603018271ac84d4e5f430347784ff6f21d6310283a87e04e26612d561adb8f0','5a0c618773fdadcc17d9bcbb6c7540f435e10df85419715dab24b91b58a44abf','ffcd44ccaa80f40c782cc95d18be5ae2586cd92551da91cec0e955f62ccc08b1');
INSERT INTO "chain" VALUES(16,'specs','9bcb35157aaf9e71fd3f03eadf4da2e54552adb1e63d97888b980b020f444296','346bc57f09dc52007a124b29b19b4dfb9ec0a925e0bc4d1b6d50d78fcf6aacb3','f54cf0b73295e7dfcadd2043828299a74ef26c4daa3641020219289686c47938');
INSERT INTO "chain" VALUES(17,'epochs','1/1','8222b1df271631c5f345dd2ef565e105198ea43954d8b8562b7c8e8bd0114750','3c33ca9a6ad46e39cd653e9c3458899be05878138fe01844f939ef388ac5091d');
INSERT INTO "chain" VALUES(18,'epochs','1/2','7d5824fc3d1e0f8461a4080211d53ff44f130331acd1d605b0d2092948105403','d93b7b21d64c8ae1db51a743553e7ae4469920716fd90f9e019ba9a24c3887ac');
INSERT INTO "chain" VALUES(19,'runs','1','60b5d360e38044bd457cad899cd1163381b5152c4965d3a0bf5434d3bf83ccba','49a52b982c0f183bcdd54cd37edde9008cc10e2705dee180a086153b09cac4dd');
INSERT INTO "chain" VALUES(20,'mistakes','1','46586fd3d689a29b6734974f63bbc4cdf362481d2c177733aaf24566d9cdd3d1','fe71f6aabdf363ae0ac67770febc4164dbe00208ec55a2a566c752a4fd20fa15');
INSERT INTO "chain" VALUES(21,'verdicts','1','795632881d428477e5b99ad2015143cbb567ecbdcfdf7a3d1feb6ea5fe5586bb','cb280eb25175f482d4d092c8272165044bf82d27d695ca6bfb7815b500111299');
INSERT INTO "chain" VALUES(22,'verdict_runs','1/1','863421a76f661178642f158176695a48b510e99f83923862344b257e173efb31','86d7b69b6e2871211b86e5e50f66a10613473e2aec46ac3d0635d5c7905ff827');
INSERT INTO "chain" VALUES(23,'epochs','2/1','cd924008ee372c223528b2c50f90cdd2801fc9b9bfb3ee8765e9ea679fde3d8c','0832c04dcfa6cfe8ecb8987243111a622526c1054d58c6922522f1f3d7fe4f32');
INSERT INTO "chain" VALUES(24,'epochs','2/2','1451cd8b083b8cad02f5163d448f9da6974478de117c9456c795d1d4c0a21384','b8318e389b58973c89e078b9b9a8b341dc13dee078896ffe1bfcb458787ae6c9');
INSERT INTO "chain" VALUES(25,'runs','2','cf57505bef66af5014417dd28da8521c0918bee0b15f9704f0ee74dfc538ee07','8a69bcc270a1c9ce61b7d1ef1ed3d803453fab4864b919ba0b17116349faa284');
INSERT INTO "chain" VALUES(26,'mistakes','2','3784b27577527894885a30cccbfe5bb6b04b8b85b7cd0cd3c404ffb75642ba70','61487f6c370fcde4cf40d78e1f788c872bbe0538299470fff092b5d587796449');
INSERT INTO "chain" VALUES(27,'verdicts','2','97190fb3db427902c441383e80d81e6f5b7c2a1251c3135515651a39a377ee7f','e785fd6853daecdb6f456bee81c8c7081abaab87b5d051c549dae4201a3ddea9');
INSERT INTO "chain" VALUES(28,'verdict_runs','2/1','3bdb08d23de5a3f273416d9c8af871812b05b46d49701e707f2285111808d694','51f948ca61d91f4f4c7d6b7b571d97488ebf56c6c41f34f78e56697ee44b5ec7');
INSERT INTO "chain" VALUES(29,'verdicts','3','9597558a33ea6bbd3bdb61d4f1a7f8a20c433e2f54ec44b609e2105bcee9bc94','f9e61dc53fbdd736433cdfda4c980231d9d14c3c8cc45b55fe1b54f6eb2e7257');
INSERT INTO "chain" VALUES(30,'verdicts','4','39c534b3a7c56ff3dd784978640feb00b4cf525315832e5772be40e47189e5c4','8de15cb9c96af751e2f1219b82a8c3b0a26f9ff47452ed3691ebb3e82a60a960');
INSERT INTO "chain" VALUES(31,'verdicts','5','cd3f936aa86a79f258470a8144122c3d871d46f34f18131cc7621fa88b1ee3a3','ca21367486144dc41fdc26861ca4bff1322d5f90f5d3716bf0cc3e5b7e7ba9b5');
INSERT INTO "chain" VALUES(32,'verdict_runs','5/1','32c2cb093f5ef25f3a6595ad83b76314bdcd1e0a1a944bb5416bf6bc5c04a48e','96623bd1e490652342bf5709359fc0df83e839a9206ac3305f1b492337260978');
INSERT INTO "chain" VALUES(33,'attempts','6','daed87937ab121245b4697f5fac208cf01d6baf50849dfdc4eb9d8dc40a463cf','181a7cba365f2d9b0b4e44ed69940ccc34409a2e26996ce49d12ac8525950216');
INSERT INTO "chain" VALUES(34,'sources','fa9fe4577ce1532ab0fc7eebbbcc5a8279fdb505c0c37732fde6f3b61dfd052e','51891f9c91f2ac479f6387e3bb3544061d99716380259dfc50e95b044a237646','c1df28780d24f2632c850ac9ecabf519fbff28865f9eacf7ed43f92b953e57fd');
INSERT INTO "chain" VALUES(35,'specs','b44a993fc14a85fd6db805adba5391af16fe52619dd0af95c3f687a20577b5cb','102d0122ccff099655f39fea7c347402ef741a8023f8170c87bf1f0d9cfe39f7','9b837e3e7f305d34ea71498a660611eef1aee725bef89f57021f87a6d317a160');
INSERT INTO "chain" VALUES(36,'epochs','3/1','1b6ec48319b97cd7cba2ddd644d1a0a4269ca7d94ca89a95815b9cdfa24125fe','9982df4ec843eda9f3188b5ca83faab12355a5e8bbcd14b63356e31e9f74c21e');
INSERT INTO "chain" VALUES(37,'epochs','3/2','83eadebec1ba4ba641c5c769515bd03c3f65c54d32ff74c7eaeecfb775da3f17','7afacd5d1142ee2d608b65e226e942429d2e5e21d728aa0b430f6e974bd17fb6');
INSERT INTO "chain" VALUES(38,'runs','3','4e1571cdd46635fdbb92dd8ba2a709de129db24e11d43a3e4ccb9b6231226500','2296be4e619b4c7b81cc62b5df7b6c86b5d08fc2feed86a1fab64c594a2ac872');
INSERT INTO "chain" VALUES(39,'mistakes','3','609fbb34398369743c8e4b5875a36badfb9aca0727e91b19abe9df0af0438597','e87962f7cef4068986dd77b592d87628f58c792af89ea4f24a5c68ecfe99695b');
INSERT INTO "chain" VALUES(40,'verdicts','6','73992dc91cf585294150b408adb8d5afec9829532453dfa02a6af4c06fede7d4','0b1eb7047279603a53e062beae3c8f3e04551fe0ac18525349bfa6137f4465f9');
INSERT INTO "chain" VALUES(41,'verdict_runs','6/1','41f3b300719a1c08f1e77183d8a5da8ee6b534313188bad091e20ff02bcc9f8a','2b10321e1630729d2abbe44879431f546009ca965480617681136a6c889174c6');
INSERT INTO "chain" VALUES(42,'epochs','4/1','96190d34195222e9896c86290b37e2acfc6ac102c120ba5b076d8c02af644e80','4140ba6cd58c94d7f5fcb561bb05d624a4527ec045421feba814d34e7b677fda');
INSERT INTO "chain" VALUES(43,'epochs','4/2','3f0401173e76a33f00e16acf9537b33d8ad693d20c652d425683d5800f4b1303','ef185099014067dde0655ba13ae775ffe5b517c4fc8cb8bb1e668e570dce857a');
INSERT INTO "chain" VALUES(44,'runs','4','06138292b1e5109f2cbcb4defdb0d0d37e17906536ae1843e34a74275eed0b97','13b11b63e1eca49bea99a0354578801f1c0dcdd71971b70e4f286e6bfb008869');
INSERT INTO "chain" VALUES(45,'mistakes','4','3453873a878d802f865ad45068c2cdd6f832aa46b63cadda59c6824970d33822','b319077a63e01da6fca1a7d601c390a33b0c6b4e1e1d345372a06dcf51e6a48d');
INSERT INTO "chain" VALUES(46,'verdicts','7','b35b4b4757dc9675a55cbd7721587bf215f224d689b33bbf860ec44aa177bdd3','5de0a8d016fffe6d47abd6c8897c9b0d094e0b3c28b6426c072becb1f24f3514');
INSERT INTO "chain" VALUES(47,'verdict_runs','7/1','b154e7bcfb77f36c586d9bbc8bdb5525d08ec874d2c013d1029d55db2b40473a','531be3c4b7211a3bcb2c9a9ede5ad8de0b8b94e597040613a7d16374783049c1');
CREATE TABLE checkpoints (
	run_id INTEGER NOT NULL, 
	state BLOB NOT NULL, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
CREATE TABLE epochs (
	run_id INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	learning_rate DOUBLE NOT NULL, 
	train_loss DOUBLE NOT NULL, 
	train_correct INTEGER NOT NULL, 
	train_total INTEGER NOT NULL, 
	test_loss DOUBLE NOT NULL, 
	correct INTEGER NOT NULL, 
	test_total INTEGER NOT NULL, 
	"by" TEXT NOT NULL, 
	finished DATETIME NOT NULL, 
	PRIMARY KEY (run_id, epoch), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "epochs" VALUES(1,1,0.05,1.92746012020111079365e+00,619,2000,1.51931097669154402396e+00,463,1000,'vm 3291','2026-11-28 15:30:59.259278');
INSERT INTO "epochs" VALUES(1,2,0.05,1.10155885982513424004e+00,1331,2000,1.16386336322221906058e+00,674,1000,'vm 3291','2026-11-28 15:30:59.287631');
INSERT INTO "epochs" VALUES(2,1,0.01,9.42481875419616699218e-01,1417,2000,4.72482798595059649837e-01,847,1000,'vm 3291','2026-11-28 15:30:59.487686');
INSERT INTO "epochs" VALUES(2,2,0.01,2.88501018524169927648e-01,1823,2000,3.56135083134932750592e-01,885,1000,'vm 3291','2026-11-28 15:30:59.567492');
INSERT INTO "epochs" VALUES(3,1,0.02,2.06994897651672360439e+00,442,2000,1.71702509737014774593e+00,376,1000,'vm 3408','2026-11-28 15:31:15.810945');
INSERT INTO "epochs" VALUES(3,2,0.02,1.32173574447631825279e+00,1076,2000,1.17745465930167125812e+00,600,1000,'vm 3408','2026-11-28 15:31:15.826926');
INSERT INTO "epochs" VALUES(4,1,0.01,9.42481875419616699218e-01,1417,2000,4.72482798595059649837e-01,847,1000,'vm 3453','2026-11-28 15:31:31.299291');
INSERT INTO "epochs" VALUES(4,2,0.01,2.88501018524169927648e-01,1823,2000,3.56135083134932750592e-01,885,1000,'vm 3453','2026-11-28 15:31:31.376845');
CREATE TABLE gradings (
	attempt_id INTEGER NOT NULL, 
	run_id INTEGER, 
	epochs INTEGER NOT NULL, 
	fault TEXT NOT NULL, 
	PRIMARY KEY (attempt_id), 
	FOREIGN KEY(attempt_id) REFERENCES attempts (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
CREATE TABLE head (
	id INTEGER NOT NULL, 
	start VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	mac VARCHAR(64) NOT NULL, 
	seal VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "head" VALUES(1,'bb3602ff3fb642c4af71b2266b36d774de99b64461febd7637d219ca59662252',47,'531be3c4b7211a3bcb2c9a9ede5ad8de0b8b94e597040613a7d16374783049c1','e1d7606b26b0b50672b97cf24fd7e0800ff3b21c8cb3dc1438cf9a6a86f7fe82');
CREATE TABLE mistakes (
	run_id INTEGER NOT NULL, 
	wrong JSON NOT NULL, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "mistakes" VALUES(1,'[[6, 9], [7, 7], [8, 2], [11, 2], [15, 3], [18, 2], [20, 7], [33, 2], [38, 3], [42, 9], [45, 0], [47, 6], [48, 9], [53, 0], [54, 2], [61, 4], [63, 2], [65, 9], [69, 3], [73, 7], [77, 7], [82, 6], [87, 5], [104, 1], [110, 5], [111, 1], [116, 9], [119, 9], [120, 0], [124, 9], [126, 3], [132, 0], [139, 9], [142, 1], [147, 6], [149, 4], [151, 8], [153, 0], [157, 5], [160, 9], [162, 0], [165, 0], [167, 6], [169, 9], [170, 9], [172, 3], [175, 1], [177, 9], [181, 2], [184, 2], [186, 1], [187, 0], [193, 7], [195, 1], [198, 9], [207, 0], [209, 7], [210, 5], [212, 7], [213, 7], [217, 0], [219, 3], [225, 3], [226, 9], [232, 4], [233, 9], [235, 7], [236, 6], [240, 0], [241, 5], [242, 9], [245, 2], [247, 6], [250, 9], [256, 1], [257, 1], [258, 6], [259, 0], [261, 3], [264, 1], [266, 0], [268, 0], [269, 3], [274, 7], [275, 9], [277, 9], [282, 1], [287, 5], [289, 2], [290, 9], [293, 6], [295, 9], [297, 3], [299, 5], [300, 6], [301, 6], [303, 1], [304, 9], [308, 9], [313, 0], [316, 4], [317, 9], [318, 0], [320, 7], [321, 1], [322, 7], [324, 3], [325, 9], [331, 1], [333, 0], [338, 0], [349, 7], [351, 0], [352, 0], [357, 7], [360, 6], [362, 5], [364, 0], [367, 0], [376, 9], [381, 7], [387, 6], [389, 7], [395, 0], [396, 6], [397, 0], [403, 9], [404, 1], [405, 6], [406, 0], [412, 3], [414, 1], [420, 9], [432, 6], [435, 7], [436, 9], [437, 0], [443, 5], [444, 8], [445, 0], [448, 5], [456, 1], [457, 5], [458, 9], [460, 9], [464, 7], [465, 9], [467, 1], [468, 1], [471, 7], [477, 6], [478, 4], [479, 5], [481, 7], [483, 9], [484, 9], [486, 9], [488, 7], [490, 5], [495, 0], [497, 9], [498, 5], [502, 3], [503, 6], [505, 8], [507, 5], [508, 4], [509, 0], [511, 9], [513, 6], [514, 2], [515, 8], [516, 6], [518, 0], [519, 9], [520, 9], [521, 7], [523, 2], [524, 0], [527, 0], [528, 2], [531, 2], [536, 1], [539, 6], [540, 0], [542, 4], [543, 9], [548, 5], [550, 9], [551, 1], [552, 5], [553, 4], [561, 3], [565, 9], [569, 5], [571, 9], [572, 9], [577, 7], [578, 9], [583, 8]]');
INSERT INTO "mistakes" VALUES(2,'[[8, 2], [33, 5], [46, 3], [65, 9], [69, 5], [80, 9], [104, 5], [115, 9], [119, 9], [133, 2], [139, 9], [142, 2], [149, 9], [151, 2], [184, 3], [193, 3], [195, 2], [211, 9], [217, 5], [233, 9], [241, 8], [247, 2], [268, 5], [290, 4], [295, 9], [297, 5], [300, 6], [301, 2], [304, 9], [313, 5], [318, 3], [320, 7], [321, 7], [325, 9], [338, 5], [344, 5], [362, 7], [376, 9], [403, 9], [405, 3], [420, 7], [435, 7], [436, 9], [443, 9], [444, 8], [445, 0], [449, 5], [450, 5], [457, 5], [479, 3], [483, 7], [486, 9], [507, 5], [508, 5], [511, 9], [528, 2], [531, 6], [532, 9], [542, 5], [543, 3], [551, 2], [553, 6], [555, 9], [561, 5], [565, 9], [569, 5], [571, 9], [572, 9], [578, 2], [591, 3], [597, 9], [603, 9], [606, 3], [613, 8], [619, 8], [638, 7], [642, 5], [659, 7], [667, 2], [684, 2], [689, 9], [691, 5], [707, 9], [717, 5], [734, 5], [740, 9], [760, 9], [763, 2], [774, 9], [781, 5], [804, 2], [810, 2], [827, 9], [839, 3], [844, 7], [890, 5], [898, 2], [900, 3], [901, 3], [902, 3], [924, 7], [926, 8], [936, 5], [938, 5], [939, 8], [944, 5], [947, 9], [950, 2], [956, 6], [959, 5], [965, 0], [969, 5], [975, 3], [982, 2], [998, 9]]');
INSERT INTO "mistakes" VALUES(3,'[[1, 6], [2, 2], [5, 2], [8, 0], [9, 7], [11, 0], [14, 2], [18, 5], [20, 7], [22, 2], [29, 3], [31, 3], [32, 5], [33, 0], [37, 2], [38, 6], [39, 2], [40, 2], [46, 3], [47, 9], [51, 5], [54, 0], [57, 2], [61, 0], [66, 2], [73, 7], [74, 2], [77, 7], [80, 9], [84, 4], [87, 5], [89, 2], [92, 4], [94, 3], [96, 3], [107, 2], [110, 3], [114, 9], [115, 9], [119, 7], [121, 9], [124, 9], [128, 5], [134, 3], [135, 2], [137, 2], [143, 2], [145, 2], [146, 0], [149, 9], [150, 4], [151, 2], [154, 7], [158, 7], [159, 9], [167, 3], [168, 2], [173, 5], [176, 2], [177, 5], [178, 2], [179, 5], [180, 2], [181, 3], [182, 6], [184, 3], [189, 3], [190, 2], [191, 3], [193, 4], [196, 2], [201, 0], [202, 2], [203, 2], [204, 2], [211, 7], [217, 5], [218, 7], [222, 0], [224, 2], [226, 3], [228, 2], [230, 7], [232, 5], [233, 7], [236, 3], [239, 2], [241, 5], [242, 0], [243, 3], [244, 3], [245, 6], [251, 6], [257, 6], [259, 0], [260, 0], [261, 7], [264, 5], [265, 2], [266, 6], [267, 2], [270, 5], [272, 2], [276, 2], [277, 5], [279, 2], [285, 3], [288, 2], [290, 4], [293, 9], [299, 3], [300, 6], [302, 2], [303, 9], [304, 5], [307, 9], [309, 5], [313, 5], [314, 2], [317, 4], [320, 7], [321, 7], [325, 9], [326, 6], [329, 2], [330, 2], [332, 2], [333, 3], [336, 4], [338, 2], [341, 9], [342, 2], [343, 5], [344, 5], [345, 2], [346, 5], [348, 2], [349, 7], [350, 3], [352, 0], [353, 0], [354, 2], [355, 6], [357, 7], [362, 7], [365, 5], [373, 0], [374, 4], [377, 2], [378, 2], [381, 7], [382, 5], [385, 2], [388, 2], [389, 7], [391, 0], [393, 7], [401, 3], [402, 5], [403, 9], [406, 6], [409, 2], [412, 3], [416, 2], [419, 2], [420, 9], [427, 2], [429, 5], [430, 2], [431, 4], [433, 4], [435, 3], [436, 5], [442, 5], [443, 5], [445, 0], [448, 5], [449, 5], [450, 5], [453, 2], [455, 2], [456, 3], [458, 9], [460, 9], [461, 9], [464, 7], [465, 3], [466, 2], [467, 7], [468, 2], [470, 2], [473, 2], [474, 5], [476, 2], [479, 5], [480, 2], [483, 0], [486, 9], [488, 7], [489, 2]]');
INSERT INTO "mistakes" VALUES(4,'[[8, 2], [33, 5], [46, 3], [65, 9], [69, 5], [80, 9], [104, 5], [115, 9], [119, 9], [133, 2], [139, 9], [142, 2], [149, 9], [151, 2], [184, 3], [193, 3], [195, 2], [211, 9], [217, 5], [233, 9], [241, 8], [247, 2], [268, 5], [290, 4], [295, 9], [297, 5], [300, 6], [301, 2], [304, 9], [313, 5], [318, 3], [320, 7], [321, 7], [325, 9], [338, 5], [344, 5], [362, 7], [376, 9], [403, 9], [405, 3], [420, 7], [435, 7], [436, 9], [443, 9], [444, 8], [445, 0], [449, 5], [450, 5], [457, 5], [479, 3], [483, 7], [486, 9], [507, 5], [508, 5], [511, 9], [528, 2], [531, 6], [532, 9], [542, 5], [543, 3], [551, 2], [553, 6], [555, 9], [561, 5], [565, 9], [569, 5], [571, 9], [572, 9], [578, 2], [591, 3], [597, 9], [603, 9], [606, 3], [613, 8], [619, 8], [638, 7], [642, 5], [659, 7], [667, 2], [684, 2], [689, 9], [691, 5], [707, 9], [717, 5], [734, 5], [740, 9], [760, 9], [763, 2], [774, 9], [781, 5], [804, 2], [810, 2], [827, 9], [839, 3], [844, 7], [890, 5], [898, 2], [900, 3], [901, 3], [902, 3], [924, 7], [926, 8], [936, 5], [938, 5], [939, 8], [944, 5], [947, 9], [950, 2], [956, 6], [959, 5], [965, 0], [969, 5], [975, 3], [982, 2], [998, 9]]');
CREATE TABLE runs (
	id INTEGER NOT NULL, 
	spec_hash VARCHAR(64) NOT NULL, 
	seed INTEGER NOT NULL, 
	device VARCHAR(16) NOT NULL, 
	threads INTEGER NOT NULL, 
	trainer VARCHAR(200) NOT NULL, 
	cut VARCHAR(64) NOT NULL, 
	again INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	started DATETIME NOT NULL, 
	device_name TEXT NOT NULL, 
	isolation TEXT NOT NULL, 
	versions JSON NOT NULL, 
	seconds DOUBLE NOT NULL, 
	ended TEXT NOT NULL, 
	finished DATETIME, 
	owner TEXT NOT NULL, 
	beat DOUBLE NOT NULL, 
	claims INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(spec_hash) REFERENCES specs (hash), 
	UNIQUE (spec_hash, seed, device, threads, trainer, cut, again)
);
INSERT INTO "runs" VALUES(1,'3603018271ac84d4e5f430347784ff6f21d6310283a87e04e26612d561adb8f0',968122485,'cpu',1,'trainer 3, torch 2.14.1, torchvision 0.29.1','2/2000/1000',0,'','2026-11-28 15:30:52.847046','Intel(R) Xeon(R) Processor','bubblewrap','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}',6.4,'','2026-11-28 15:30:59.310223','',1.79587985929299306865e+09,1);
INSERT INTO "runs" VALUES(2,'9bcb35157aaf9e71fd3f03eadf4da2e54552adb1e63d97888b980b020f444296',177663472,'cpu',1,'trainer 3, torch 2.14.1, torchvision 0.29.1','2/2000/1000',0,'','2026-11-28 15:30:52.994238','Intel(R) Xeon(R) Processor','bubblewrap','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}',6.6,'','2026-11-28 15:30:59.594183','',1.79587985957301568985e+09,1);
INSERT INTO "runs" VALUES(3,'b44a993fc14a85fd6db805adba5391af16fe52619dd0af95c3f687a20577b5cb',755137335,'cpu',1,'trainer 3, torch 2.14.1, torchvision 0.29.1','2/2000/1000',0,'','2026-11-28 15:31:08.974450','Intel(R) Xeon(R) Processor','bubblewrap','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}',6.9,'','2026-11-28 15:31:15.841142','',1.79587987582901263241e+09,1);
INSERT INTO "runs" VALUES(4,'9bcb35157aaf9e71fd3f03eadf4da2e54552adb1e63d97888b980b020f444296',177663472,'cpu',1,'trainer 3, torch 2.14.1, torchvision 0.29.1','2/2000/1000',1,'a machine with bad memory','2026-11-28 15:31:24.528446','Intel(R) Xeon(R) Processor','bubblewrap','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}',6.9,'','2026-11-28 15:31:31.391441','',1.79587989137899875641e+09,1);
CREATE TABLE sources (
	hash VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (hash)
);
INSERT INTO "sources" VALUES('585e525a376cabd8d69c4a6303e9d1e2ab634621c44574a00180ffcfd0e2a663','
from functools import partial
import torch.nn as nn
from torch.optim import Adam
from course import Recipe

def Net():
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.BatchNorm2d(16),
        nn.ReLU(), nn.Flatten(), nn.Linear(400, 10), nn.LogSoftmax(dim=1),
    )

recipe = Recipe(model=Net, optimizer=partial(Adam, lr=0.01), epochs=2)
');
INSERT INTO "sources" VALUES('22e4b0b973a55d95e9d67326f6ecccd87db8461360249586c2f8fcdb63c6944b','
from functools import partial
import torch.nn as nn
from torch.optim import SGD
from course import Recipe

def Net():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 5), nn.ReLU(), nn.Linear(5, 10), nn.LogSoftmax(dim=1))

recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.05, momentum=0.9), epochs=2)
');
INSERT INTO "sources" VALUES('046ba56dcf37eaa9a8c68105caba92f2d82c7f07d06483ced1474ab01d247286','
from functools import partial
import torch.nn as nn
from torch.optim import Adam
from course import Recipe

def Net():
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.BatchNorm2d(16),
        nn.ReLU(), nn.Flatten(), nn.Linear(400, 20), nn.ReLU(), nn.Linear(20, 10), nn.LogSoftmax(dim=1),
    )

recipe = Recipe(model=Net, optimizer=partial(Adam, lr=0.01), epochs=2)
');
INSERT INTO "sources" VALUES('5f3f30424960c1b631d8736f8373f5ad7bc806874dd8fb8ef4545f3c2a4e4145','
from functools import partial
import torch.nn as nn
from torch.optim import Adam
from course import Recipe

def Net():
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.BatchNorm2d(16),
        nn.ReLU(), nn.Flatten(), nn.Linear(400, 10), nn.LogSoftmax(dim=1),
    )

recipe = Recipe(model=Net, optimizer=partial(Adam, lr=0.01), epochs=2)

1 / 0
');
INSERT INTO "sources" VALUES('fa9fe4577ce1532ab0fc7eebbbcc5a8279fdb505c0c37732fde6f3b61dfd052e','
from functools import partial
import torch.nn as nn
from torch.optim import SGD
from course import Recipe

def Net():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 5), nn.ReLU(), nn.Linear(5, 10), nn.LogSoftmax(dim=1))

recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.02, momentum=0.9), epochs=2)
');
CREATE TABLE specs (
	hash VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (hash)
);
INSERT INTO "specs" VALUES('3603018271ac84d4e5f430347784ff6f21d6310283a87e04e26612d561adb8f0','{"batch_size":128,"epochs":2,"loss":"nll","network":{"constants":[],"eval":{"nodes":[{"args":[{"input":0},1],"kwargs":{},"layer":"0","line":null,"op":"aten.flatten.using_ints"},{"args":[{"node":0},{"tensor":0},{"tensor":1}],"kwargs":{},"layer":"1","line":null,"op":"aten.linear.default"},{"args":[{"node":1}],"kwargs":{},"layer":"2","line":null,"op":"aten.relu.default"},{"args":[{"node":2},{"tensor":2},{"tensor":3}],"kwargs":{},"layer":"3","line":null,"op":"aten.linear.default"},{"args":[{"node":3},1],"kwargs":{},"layer":"4","line":null,"op":"aten.log_softmax.int"}],"output":{"node":4}},"init":[{"args":[[5,784]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":0}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[5]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":2}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[{"node":1},-0.03571428571428571,0.03571428571428571],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[{"node":3},-0.03571428571428571,0.03571428571428571],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[[10,5]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":6}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[10]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":8}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[{"node":7},-0.44721359549995787,0.44721359549995787],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[{"node":9},-0.4472135954999579,0.4472135954999579],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"}],"tensors":[{"dtype":{"dtype":"float32"},"init":{"node":4},"kind":"parameter","name":"1.weight","requires_grad":true,"shape":[5,784]},{"dtype":{"dtype":"float32"},"init":{"node":5},"kind":"parameter","name":"1.bias","requires_grad":true,"shape":[5]},{"dtype":{"dtype":"float32"},"init":{"node":10},"kind":"parameter","name":"3.weight","requires_grad":true,"shape":[10,5]},{"dtype":{"dtype":"float32"},"init":{"node":11},"kind":"parameter","name":"3.bias","requires_grad":true,"shape":[10]}],"train":{"nodes":[{"args":[{"input":0},1],"kwargs":{},"layer":"0","line":null,"op":"aten.flatten.using_ints"},{"args":[{"node":0},{"tensor":0},{"tensor":1}],"kwargs":{},"layer":"1","line":null,"op":"aten.linear.default"},{"args":[{"node":1}],"kwargs":{},"layer":"2","line":null,"op":"aten.relu.default"},{"args":[{"node":2},{"tensor":2},{"tensor":3}],"kwargs":{},"layer":"3","line":null,"op":"aten.linear.default"},{"args":[{"node":3},1],"kwargs":{},"layer":"4","line":null,"op":"aten.log_softmax.int"}],"output":{"node":4}}},"optimizer":{"groups":[{"options":{"dampening":0,"lr":0.05,"maximize":false,"momentum":0.9,"nesterov":false,"weight_decay":0},"params":["1.weight","1.bias","3.weight","3.bias"]}],"name":"SGD"},"schedule":null,"test_transform":[{"children":[],"name":"ToTensor","options":{},"v2":false},{"children":[],"name":"Normalize","options":{"inplace":false,"mean":[0.1307],"std":[0.3081]},"v2":false}],"train_transform":[{"children":[],"name":"ToTensor","options":{},"v2":false},{"children":[],"name":"Normalize","options":{"inplace":false,"mean":[0.1307],"std":[0.3081]},"v2":false}],"version":1}');
INSERT INTO "specs" VALUES('9bcb35157aaf9e71fd3f03eadf4da2e54552adb1e63d97888b980b020f444296','{"batch_size":128,"epochs":2,"loss":"nll","network":{"constants":[],"eval":{"nodes":[{"args":[{"input":0},{"tensor":0},{"tensor":1},[2,2]],"kwargs":{},"layer":"0","line":null,"op":"aten.conv2d.default"},{"args":[{"node":0},{"tensor":2},{"tensor":3},{"tensor":10},{"tensor":11},false,0.1,1e-05,true],"kwargs":{},"layer":"1","line":null,"op":"aten.batch_norm.default"},{"args":[{"node":1}],"kwargs":{},"layer":"2","line":null,"op":"aten.relu.default"},{"args":[{"node":2},{"tensor":4},{"tensor":5},[2,2]],"kwargs":{},"layer":"3","line":null,"op":"aten.conv2d.default"},{"args":[{"node":3},{"tensor":6},{"tensor":7},{"tensor":12},{"tensor":13},false,0.1,1e-05,true],"kwargs":{},"layer":"4","line":null,"op":"aten.batch_norm.default"},{"args":[{"node":4}],"kwargs":{},"layer":"5","line":null,"op":"aten.relu.default"},{"args":[{"node":5},1],"kwargs":{},"layer":"6","line":null,"op":"aten.flatten.using_ints"},{"args":[{"node":6},{"tensor":8},{"tensor":9}],"kwargs":{},"layer":"7","line":null,"op":"aten.linear.default"},{"args":[{"node":7},1],"kwargs":{},"layer":"8","line":null,"op":"aten.log_softmax.int"}],"output":{"node":8}},"init":[{"args":[[8,1,5,5]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":0}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[8]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":2}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[{"node":1},-0.19999999999999998,0.19999999999999998],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[{"node":3},-0.2,0.2],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[[8]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":6}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[8]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":8}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[8]],"kwargs":{},"layer":"","line":null,"op":"aten.zeros.default"},{"args":[{"node":10}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[8]],"kwargs":{},"layer":"","line":null,"op":"aten.ones.default"},{"args":[{"node":12}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[{"node":11}],"kwargs":{},"layer":"","line":null,"op":"aten.zero_.default"},{"args":[{"node":13},1],"kwargs":{},"layer":"","line":null,"op":"aten.fill_.Scalar"},{"args":[{"node":7},1.0],"kwargs":{},"layer":"","line":null,"op":"aten.fill_.Scalar"},{"args":[{"node":9}],"kwargs":{},"layer":"","line":null,"op":"aten.zero_.default"},{"args":[[16,8,3,3]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":18}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[16]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":20}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[{"node":19},-0.11785113019775792,0.11785113019775792],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[{"node":21},-0.11785113019775793,0.11785113019775793],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[[16]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":24}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[16]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":26}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[16]],"kwargs":{},"layer":"","line":null,"op":"aten.zeros.default"},{"args":[{"node":28}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[16]],"kwargs":{},"layer":"","line":null,"op":"aten.ones.default"},{"args":[{"node":30}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[{"node":29}],"kwargs":{},"layer":"","line":null,"op":"aten.zero_.default"},{"args":[{"node":31},1],"kwargs":{},"layer":"","line":null,"op":"aten.fill_.Scalar"},{"args":[{"node":25},1.0],"kwargs":{},"layer":"","line":null,"op":"aten.fill_.Scalar"},{"args":[{"node":27}],"kwargs":{},"layer":"","line":null,"op":"aten.zero_.default"},{"args":[[10,400]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":36}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[10]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":38}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[{"node":37},-0.049999999999999996,0.049999999999999996],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[{"node":39},-0.05,0.05],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"}],"tensors":[{"dtype":{"dtype":"float32"},"init":{"node":4},"kind":"parameter","name":"0.weight","requires_grad":true,"shape":[8,1,5,5]},{"dtype":{"dtype":"float32"},"init":{"node":5},"kind":"parameter","name":"0.bias","requires_grad":true,"shape":[8]},{"dtype":{"dtype":"float32"},"init":{"node":16},"kind":"parameter","name":"1.weight","requires_grad":true,"shape":[8]},{"dtype":{"dtype":"float32"},"init":{"node":17},"kind":"parameter","name":"1.bias","requires_grad":true,"shape":[8]},{"dtype":{"dtype":"float32"},"init":{"node":22},"kind":"parameter","name":"3.weight","requires_grad":true,"shape":[16,8,3,3]},{"dtype":{"dtype":"float32"},"init":{"node":23},"kind":"parameter","name":"3.bias","requires_grad":true,"shape":[16]},{"dtype":{"dtype":"float32"},"init":{"node":34},"kind":"parameter","name":"4.weight","requires_grad":true,"shape":[16]},{"dtype":{"dtype":"float32"},"init":{"node":35},"kind":"parameter","name":"4.bias","requires_grad":true,"shape":[16]},{"dtype":{"dtype":"float32"},"init":{"node":40},"kind":"parameter","name":"7.weight","requires_grad":true,"shape":[10,400]},{"dtype":{"dtype":"float32"},"init":{"node":41},"kind":"parameter","name":"7.bias","requires_grad":true,"shape":[10]},{"dtype":{"dtype":"float32"},"init":{"node":14},"kind":"buffer","name":"1.running_mean","requires_grad":false,"shape":[8]},{"dtype":{"dtype":"float32"},"init":{"node":15},"kind":"buffer","name":"1.running_var","requires_grad":false,"shape":[8]},{"dtype":{"dtype":"float32"},"init":{"node":32},"kind":"buffer","name":"4.running_mean","requires_grad":false,"shape":[16]},{"dtype":{"dtype":"float32"},"init":{"node":33},"kind":"buffer","name":"4.running_var","requires_grad":false,"shape":[16]}],"train":{"nodes":[{"args":[{"input":0},{"tensor":0},{"tensor":1},[2,2]],"kwargs":{},"layer":"0","line":null,"op":"aten.conv2d.default"},{"args":[{"node":0},{"tensor":2},{"tensor":3},{"tensor":10},{"tensor":11},true,0.1,1e-05,true],"kwargs":{},"layer":"1","line":null,"op":"aten.batch_norm.default"},{"args":[{"node":1}],"kwargs":{},"layer":"2","line":null,"op":"aten.relu.default"},{"args":[{"node":2},{"tensor":4},{"tensor":5},[2,2]],"kwargs":{},"layer":"3","line":null,"op":"aten.conv2d.default"},{"args":[{"node":3},{"tensor":6},{"tensor":7},{"tensor":12},{"tensor":13},true,0.1,1e-05,true],"kwargs":{},"layer":"4","line":null,"op":"aten.batch_norm.default"},{"args":[{"node":4}],"kwargs":{},"layer":"5","line":null,"op":"aten.relu.default"},{"args":[{"node":5},1],"kwargs":{},"layer":"6","line":null,"op":"aten.flatten.using_ints"},{"args":[{"node":6},{"tensor":8},{"tensor":9}],"kwargs":{},"layer":"7","line":null,"op":"aten.linear.default"},{"args":[{"node":7},1],"kwargs":{},"layer":"8","line":null,"op":"aten.log_softmax.int"}],"output":{"node":8}}},"optimizer":{"groups":[{"options":{"amsgrad":false,"betas":[0.9,0.999],"decoupled_weight_decay":false,"eps":1e-08,"lr":0.01,"maximize":false,"weight_decay":0},"params":["0.weight","0.bias","1.weight","1.bias","3.weight","3.bias","4.weight","4.bias","7.weight","7.bias"]}],"name":"Adam"},"schedule":null,"test_transform":[{"children":[],"name":"ToTensor","options":{},"v2":false},{"children":[],"name":"Normalize","options":{"inplace":false,"mean":[0.1307],"std":[0.3081]},"v2":false}],"train_transform":[{"children":[],"name":"ToTensor","options":{},"v2":false},{"children":[],"name":"Normalize","options":{"inplace":false,"mean":[0.1307],"std":[0.3081]},"v2":false}],"version":1}');
INSERT INTO "specs" VALUES('b44a993fc14a85fd6db805adba5391af16fe52619dd0af95c3f687a20577b5cb','{"batch_size":128,"epochs":2,"loss":"nll","network":{"constants":[],"eval":{"nodes":[{"args":[{"input":0},1],"kwargs":{},"layer":"0","line":null,"op":"aten.flatten.using_ints"},{"args":[{"node":0},{"tensor":0},{"tensor":1}],"kwargs":{},"layer":"1","line":null,"op":"aten.linear.default"},{"args":[{"node":1}],"kwargs":{},"layer":"2","line":null,"op":"aten.relu.default"},{"args":[{"node":2},{"tensor":2},{"tensor":3}],"kwargs":{},"layer":"3","line":null,"op":"aten.linear.default"},{"args":[{"node":3},1],"kwargs":{},"layer":"4","line":null,"op":"aten.log_softmax.int"}],"output":{"node":4}},"init":[{"args":[[5,784]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":0}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[5]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":2}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[{"node":1},-0.03571428571428571,0.03571428571428571],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[{"node":3},-0.03571428571428571,0.03571428571428571],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[[10,5]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":6}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[[10]],"kwargs":{},"layer":"","line":null,"op":"aten.empty.memory_format"},{"args":[{"node":8}],"kwargs":{},"layer":"","line":null,"op":"aten.detach.default"},{"args":[{"node":7},-0.44721359549995787,0.44721359549995787],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"},{"args":[{"node":9},-0.4472135954999579,0.4472135954999579],"kwargs":{},"layer":"","line":null,"op":"aten.uniform_.default"}],"tensors":[{"dtype":{"dtype":"float32"},"init":{"node":4},"kind":"parameter","name":"1.weight","requires_grad":true,"shape":[5,784]},{"dtype":{"dtype":"float32"},"init":{"node":5},"kind":"parameter","name":"1.bias","requires_grad":true,"shape":[5]},{"dtype":{"dtype":"float32"},"init":{"node":10},"kind":"parameter","name":"3.weight","requires_grad":true,"shape":[10,5]},{"dtype":{"dtype":"float32"},"init":{"node":11},"kind":"parameter","name":"3.bias","requires_grad":true,"shape":[10]}],"train":{"nodes":[{"args":[{"input":0},1],"kwargs":{},"layer":"0","line":null,"op":"aten.flatten.using_ints"},{"args":[{"node":0},{"tensor":0},{"tensor":1}],"kwargs":{},"layer":"1","line":null,"op":"aten.linear.default"},{"args":[{"node":1}],"kwargs":{},"layer":"2","line":null,"op":"aten.relu.default"},{"args":[{"node":2},{"tensor":2},{"tensor":3}],"kwargs":{},"layer":"3","line":null,"op":"aten.linear.default"},{"args":[{"node":3},1],"kwargs":{},"layer":"4","line":null,"op":"aten.log_softmax.int"}],"output":{"node":4}}},"optimizer":{"groups":[{"options":{"dampening":0,"lr":0.02,"maximize":false,"momentum":0.9,"nesterov":false,"weight_decay":0},"params":["1.weight","1.bias","3.weight","3.bias"]}],"name":"SGD"},"schedule":null,"test_transform":[{"children":[],"name":"ToTensor","options":{},"v2":false},{"children":[],"name":"Normalize","options":{"inplace":false,"mean":[0.1307],"std":[0.3081]},"v2":false}],"train_transform":[{"children":[],"name":"ToTensor","options":{},"v2":false},{"children":[],"name":"Normalize","options":{"inplace":false,"mean":[0.1307],"std":[0.3081]},"v2":false}],"version":1}');
CREATE TABLE submissions (
	id INTEGER NOT NULL, 
	student TEXT NOT NULL, 
	assignment TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (student, assignment)
);
INSERT INTO "submissions" VALUES(1,'ada','challenge');
INSERT INTO "submissions" VALUES(2,'ben','challenge');
INSERT INTO "submissions" VALUES(3,'dora','challenge');
INSERT INTO "submissions" VALUES(4,'eli','challenge');
INSERT INTO "submissions" VALUES(5,'hal','challenge');
CREATE TABLE verdict_runs (
	verdict_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	PRIMARY KEY (verdict_id, number), 
	FOREIGN KEY(run_id) REFERENCES runs (id), 
	FOREIGN KEY(verdict_id) REFERENCES verdicts (id)
);
INSERT INTO "verdict_runs" VALUES(1,1,1);
INSERT INTO "verdict_runs" VALUES(2,1,2);
INSERT INTO "verdict_runs" VALUES(5,1,2);
INSERT INTO "verdict_runs" VALUES(6,1,3);
INSERT INTO "verdict_runs" VALUES(7,1,4);
CREATE TABLE verdicts (
	id INTEGER NOT NULL, 
	attempt_id INTEGER NOT NULL, 
	content VARCHAR(64) NOT NULL, 
	spec_hash VARCHAR(64), 
	rules JSON NOT NULL, 
	rules_hash VARCHAR(64) NOT NULL, 
	verdict VARCHAR(16) NOT NULL, 
	reasons JSON NOT NULL, 
	borderline BOOLEAN NOT NULL, 
	official BOOLEAN NOT NULL, 
	isolation TEXT NOT NULL, 
	inspection JSON, 
	versions JSON NOT NULL, 
	asked TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	made DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(attempt_id) REFERENCES attempts (id)
);
INSERT INTO "verdicts" VALUES(1,2,'0dd47f32670878db21150ffc567e7053e47df03d69080c024c74fcaa2b893b81','3603018271ac84d4e5f430347784ff6f21d6310283a87e04e26612d561adb8f0','{"assignment": "challenge", "max_parameters": 7999, "max_epochs": 15, "accuracy": 0.994, "hold": 2, "near": 0.001, "seeds": 3, "allow_leaks": false, "attempts": "last"}','b7d01b1be49833f522af739db44da2fab05577f51fba7f8f62aa95ab85da040f','fail','["Run 1: accuracy reached in no epoch; best 674 of 1,000 (67.40%) in epoch 2; needed: 994 of 1,000 (99.40%) for 2 consecutive epochs.", "Data or epochs were cut down, so this result is not official."]',0,0,'bubblewrap','{"spec_hash": "3603018271ac84d4e5f430347784ff6f21d6310283a87e04e26612d561adb8f0", "parts": [{"kind": "parameter", "name": "the tensor ''1.weight''", "numbers": 3920}, {"kind": "parameter", "name": "the tensor ''1.bias''", "numbers": 5}, {"kind": "parameter", "name": "the tensor ''3.weight''", "numbers": 50}, {"kind": "parameter", "name": "the tensor ''3.bias''", "numbers": 10}], "layers": [{"name": "0", "operator": "flatten", "shape": [784], "parameters": 0, "receptive_field": 1}, {"name": "1", "operator": "linear", "shape": [5], "parameters": 3925, "receptive_field": 28}, {"name": "2", "operator": "relu", "shape": [5], "parameters": 0, "receptive_field": 28}, {"name": "3", "operator": "linear", "shape": [10], "parameters": 60, "receptive_field": 28}, {"name": "4", "operator": "log_softmax", "shape": [10], "parameters": 0, "receptive_field": 28}], "work": {"flops": 2045440, "elements": 676234, "memory": 936368}, "epochs": 2, "batch_size": 128, "problems": [], "leaks": []}','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}','cpu, 1 thread(s), seeds by the rules, cut 2/2000/1000','','2026-11-28 15:30:59.319369');
INSERT INTO "verdicts" VALUES(2,1,'aa2a5c12784e6c0fd1c0d8f4bb051ce802650872f9f886f3d34eb7d19290c9b3','9bcb35157aaf9e71fd3f03eadf4da2e54552adb1e63d97888b980b020f444296','{"assignment": "challenge", "max_parameters": 7999, "max_epochs": 15, "accuracy": 0.994, "hold": 2, "near": 0.001, "seeds": 3, "allow_leaks": false, "attempts": "last"}','b7d01b1be49833f522af739db44da2fab05577f51fba7f8f62aa95ab85da040f','fail','["Run 1: accuracy reached in no epoch; best 885 of 1,000 (88.50%) in epoch 2; needed: 994 of 1,000 (99.40%) for 2 consecutive epochs.", "Data or epochs were cut down, so this result is not official."]',0,0,'bubblewrap','{"spec_hash": "9bcb35157aaf9e71fd3f03eadf4da2e54552adb1e63d97888b980b020f444296", "parts": [{"kind": "parameter", "name": "the tensor ''0.weight''", "numbers": 200}, {"kind": "parameter", "name": "the tensor ''0.bias''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''1.weight''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''1.bias''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''3.weight''", "numbers": 1152}, {"kind": "parameter", "name": "the tensor ''3.bias''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''4.weight''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''4.bias''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''7.weight''", "numbers": 4000}, {"kind": "parameter", "name": "the tensor ''7.bias''", "numbers": 10}], "layers": [{"name": "0", "operator": "conv2d", "shape": [8, 12, 12], "parameters": 208, "receptive_field": 5}, {"name": "1", "operator": "batch_norm", "shape": [8, 12, 12], "parameters": 16, "receptive_field": 5}, {"name": "2", "operator": "relu", "shape": [8, 12, 12], "parameters": 0, "receptive_field": 5}, {"name": "3", "operator": "conv2d", "shape": [16, 5, 5], "parameters": 1168, "receptive_field": 9}, {"name": "4", "operator": "batch_norm", "shape": [16, 5, 5], "parameters": 32, "receptive_field": 9}, {"name": "5", "operator": "relu", "shape": [16, 5, 5], "parameters": 0, "receptive_field": 9}, {"name": "6", "operator": "flatten", "shape": [400], "parameters": 0, "receptive_field": 9}, {"name": "7", "operator": "linear", "shape": [10], "parameters": 4010, "receptive_field": 28}, {"name": "8", "operator": "log_softmax", "shape": [10], "parameters": 0, "receptive_field": 28}], "work": {"flops": 39936000, "elements": 4463298, "memory": 7311556}, "epochs": 2, "batch_size": 128, "problems": [], "leaks": []}','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}','cpu, 1 thread(s), seeds by the rules, cut 2/2000/1000','','2026-11-28 15:30:59.600493');
INSERT INTO "verdicts" VALUES(3,4,'abb397ddeca16865c8413ed5d03bf375aa435f4f5f4de021470b45b8c8f499d2',NULL,'{"assignment": "challenge", "max_parameters": 7999, "max_epochs": 15, "accuracy": 0.994, "hold": 2, "near": 0.001, "seeds": 3, "allow_leaks": false, "attempts": "last"}','b7d01b1be49833f522af739db44da2fab05577f51fba7f8f62aa95ab85da040f','error','["Line 15 (1 / 0): ZeroDivisionError: division by zero"]',0,0,'bubblewrap','null','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}','cpu, 1 thread(s), seeds by the rules, cut 2/2000/1000','','2026-11-28 15:30:59.824924');
INSERT INTO "verdicts" VALUES(4,3,'585168fb0f431a6391c5a9620117df8f69b426d9ef152b20eb4ae6bfadfc6615','b46bbefa803a92bb9da657f7ba86bb36d1178d68c55ad2d7d8e302d8f92f7497','{"assignment": "challenge", "max_parameters": 7999, "max_epochs": 15, "accuracy": 0.994, "hold": 2, "near": 0.001, "seeds": 3, "allow_leaks": false, "attempts": "last"}','b7d01b1be49833f522af739db44da2fab05577f51fba7f8f62aa95ab85da040f','refused','["parameters: 9,654 counted, fewer than 8,000 allowed: 9,654 in layers."]',0,0,'bubblewrap','{"spec_hash": "b46bbefa803a92bb9da657f7ba86bb36d1178d68c55ad2d7d8e302d8f92f7497", "parts": [{"kind": "parameter", "name": "the tensor ''0.weight''", "numbers": 200}, {"kind": "parameter", "name": "the tensor ''0.bias''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''1.weight''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''1.bias''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''3.weight''", "numbers": 1152}, {"kind": "parameter", "name": "the tensor ''3.bias''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''4.weight''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''4.bias''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''7.weight''", "numbers": 8000}, {"kind": "parameter", "name": "the tensor ''7.bias''", "numbers": 20}, {"kind": "parameter", "name": "the tensor ''9.weight''", "numbers": 200}, {"kind": "parameter", "name": "the tensor ''9.bias''", "numbers": 10}], "layers": [{"name": "0", "operator": "conv2d", "shape": [8, 12, 12], "parameters": 208, "receptive_field": 5}, {"name": "1", "operator": "batch_norm", "shape": [8, 12, 12], "parameters": 16, "receptive_field": 5}, {"name": "2", "operator": "relu", "shape": [8, 12, 12], "parameters": 0, "receptive_field": 5}, {"name": "3", "operator": "conv2d", "shape": [16, 5, 5], "parameters": 1168, "receptive_field": 9}, {"name": "4", "operator": "batch_norm", "shape": [16, 5, 5], "parameters": 32, "receptive_field": 9}, {"name": "5", "operator": "relu", "shape": [16, 5, 5], "parameters": 0, "receptive_field": 9}, {"name": "6", "operator": "flatten", "shape": [400], "parameters": 0, "receptive_field": 9}, {"name": "7", "operator": "linear", "shape": [20], "parameters": 8020, "receptive_field": 28}, {"name": "8", "operator": "relu", "shape": [20], "parameters": 0, "receptive_field": 28}, {"name": "9", "operator": "linear", "shape": [10], "parameters": 210, "receptive_field": 28}, {"name": "10", "operator": "log_softmax", "shape": [10], "parameters": 0, "receptive_field": 28}], "work": {"flops": 43161600, "elements": 4564098, "memory": 7484276}, "epochs": 2, "batch_size": 128, "problems": [], "leaks": []}','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}','cpu, 1 thread(s), seeds by the rules, cut 2/2000/1000','','2026-11-28 15:30:59.993694');
INSERT INTO "verdicts" VALUES(5,5,'aa2a5c12784e6c0fd1c0d8f4bb051ce802650872f9f886f3d34eb7d19290c9b3','9bcb35157aaf9e71fd3f03eadf4da2e54552adb1e63d97888b980b020f444296','{"assignment": "challenge", "max_parameters": 7999, "max_epochs": 15, "accuracy": 0.994, "hold": 2, "near": 0.001, "seeds": 3, "allow_leaks": false, "attempts": "last"}','b7d01b1be49833f522af739db44da2fab05577f51fba7f8f62aa95ab85da040f','fail','["Run 1: accuracy reached in no epoch; best 885 of 1,000 (88.50%) in epoch 2; needed: 994 of 1,000 (99.40%) for 2 consecutive epochs.", "Data or epochs were cut down, so this result is not official."]',0,0,'bubblewrap','{"spec_hash": "9bcb35157aaf9e71fd3f03eadf4da2e54552adb1e63d97888b980b020f444296", "parts": [{"kind": "parameter", "name": "the tensor ''0.weight''", "numbers": 200}, {"kind": "parameter", "name": "the tensor ''0.bias''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''1.weight''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''1.bias''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''3.weight''", "numbers": 1152}, {"kind": "parameter", "name": "the tensor ''3.bias''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''4.weight''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''4.bias''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''7.weight''", "numbers": 4000}, {"kind": "parameter", "name": "the tensor ''7.bias''", "numbers": 10}], "layers": [{"name": "0", "operator": "conv2d", "shape": [8, 12, 12], "parameters": 208, "receptive_field": 5}, {"name": "1", "operator": "batch_norm", "shape": [8, 12, 12], "parameters": 16, "receptive_field": 5}, {"name": "2", "operator": "relu", "shape": [8, 12, 12], "parameters": 0, "receptive_field": 5}, {"name": "3", "operator": "conv2d", "shape": [16, 5, 5], "parameters": 1168, "receptive_field": 9}, {"name": "4", "operator": "batch_norm", "shape": [16, 5, 5], "parameters": 32, "receptive_field": 9}, {"name": "5", "operator": "relu", "shape": [16, 5, 5], "parameters": 0, "receptive_field": 9}, {"name": "6", "operator": "flatten", "shape": [400], "parameters": 0, "receptive_field": 9}, {"name": "7", "operator": "linear", "shape": [10], "parameters": 4010, "receptive_field": 28}, {"name": "8", "operator": "log_softmax", "shape": [10], "parameters": 0, "receptive_field": 28}], "work": {"flops": 39936000, "elements": 4463298, "memory": 7311556}, "epochs": 2, "batch_size": 128, "problems": [], "leaks": []}','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}','cpu, 1 thread(s), seeds by the rules, cut 2/2000/1000','','2026-11-28 15:31:00.779770');
INSERT INTO "verdicts" VALUES(6,6,'85c7ee1d8c67e0fc994aa12e2e3c16623a37dd0d1b2c1fbab7526437661ce61e','b44a993fc14a85fd6db805adba5391af16fe52619dd0af95c3f687a20577b5cb','{"assignment": "challenge", "max_parameters": 7999, "max_epochs": 15, "accuracy": 0.994, "hold": 2, "near": 0.001, "seeds": 3, "allow_leaks": false, "attempts": "last"}','b7d01b1be49833f522af739db44da2fab05577f51fba7f8f62aa95ab85da040f','fail','["Run 1: accuracy reached in no epoch; best 600 of 1,000 (60.00%) in epoch 2; needed: 994 of 1,000 (99.40%) for 2 consecutive epochs.", "Data or epochs were cut down, so this result is not official."]',0,0,'bubblewrap','{"spec_hash": "b44a993fc14a85fd6db805adba5391af16fe52619dd0af95c3f687a20577b5cb", "parts": [{"kind": "parameter", "name": "the tensor ''1.weight''", "numbers": 3920}, {"kind": "parameter", "name": "the tensor ''1.bias''", "numbers": 5}, {"kind": "parameter", "name": "the tensor ''3.weight''", "numbers": 50}, {"kind": "parameter", "name": "the tensor ''3.bias''", "numbers": 10}], "layers": [{"name": "0", "operator": "flatten", "shape": [784], "parameters": 0, "receptive_field": 1}, {"name": "1", "operator": "linear", "shape": [5], "parameters": 3925, "receptive_field": 28}, {"name": "2", "operator": "relu", "shape": [5], "parameters": 0, "receptive_field": 28}, {"name": "3", "operator": "linear", "shape": [10], "parameters": 60, "receptive_field": 28}, {"name": "4", "operator": "log_softmax", "shape": [10], "parameters": 0, "receptive_field": 28}], "work": {"flops": 2045440, "elements": 676234, "memory": 936368}, "epochs": 2, "batch_size": 128, "problems": [], "leaks": []}','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}','cpu, 1 thread(s), seeds by the rules, cut 2/2000/1000','','2026-11-28 15:31:15.851746');
INSERT INTO "verdicts" VALUES(7,1,'862778b84dfe2ea8c9bbd90a557c6395444f2e39bb3149530d3bcdeb1c7b02c5','9bcb35157aaf9e71fd3f03eadf4da2e54552adb1e63d97888b980b020f444296','{"assignment": "challenge", "max_parameters": 7999, "max_epochs": 15, "accuracy": 0.994, "hold": 2, "near": 0.001, "seeds": 3, "allow_leaks": false, "attempts": "last"}','b7d01b1be49833f522af739db44da2fab05577f51fba7f8f62aa95ab85da040f','fail','["Run 1: accuracy reached in no epoch; best 885 of 1,000 (88.50%) in epoch 2; needed: 994 of 1,000 (99.40%) for 2 consecutive epochs.", "Data or epochs were cut down, so this result is not official."]',0,0,'bubblewrap','{"spec_hash": "9bcb35157aaf9e71fd3f03eadf4da2e54552adb1e63d97888b980b020f444296", "parts": [{"kind": "parameter", "name": "the tensor ''0.weight''", "numbers": 200}, {"kind": "parameter", "name": "the tensor ''0.bias''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''1.weight''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''1.bias''", "numbers": 8}, {"kind": "parameter", "name": "the tensor ''3.weight''", "numbers": 1152}, {"kind": "parameter", "name": "the tensor ''3.bias''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''4.weight''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''4.bias''", "numbers": 16}, {"kind": "parameter", "name": "the tensor ''7.weight''", "numbers": 4000}, {"kind": "parameter", "name": "the tensor ''7.bias''", "numbers": 10}], "layers": [{"name": "0", "operator": "conv2d", "shape": [8, 12, 12], "parameters": 208, "receptive_field": 5}, {"name": "1", "operator": "batch_norm", "shape": [8, 12, 12], "parameters": 16, "receptive_field": 5}, {"name": "2", "operator": "relu", "shape": [8, 12, 12], "parameters": 0, "receptive_field": 5}, {"name": "3", "operator": "conv2d", "shape": [16, 5, 5], "parameters": 1168, "receptive_field": 9}, {"name": "4", "operator": "batch_norm", "shape": [16, 5, 5], "parameters": 32, "receptive_field": 9}, {"name": "5", "operator": "relu", "shape": [16, 5, 5], "parameters": 0, "receptive_field": 9}, {"name": "6", "operator": "flatten", "shape": [400], "parameters": 0, "receptive_field": 9}, {"name": "7", "operator": "linear", "shape": [10], "parameters": 4010, "receptive_field": 28}, {"name": "8", "operator": "log_softmax", "shape": [10], "parameters": 0, "receptive_field": 28}], "work": {"flops": 39936000, "elements": 4463298, "memory": 7311556}, "epochs": 2, "batch_size": 128, "problems": [], "leaks": []}','{"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "trainer": "3", "under8k": "0.1.0"}','cpu, 1 thread(s), seeds by the rules, cut 2/2000/1000','a machine with bad memory','2026-11-28 15:31:31.402417');
CREATE INDEX ix_verdicts_attempt_id ON verdicts (attempt_id);
CREATE INDEX ix_verdicts_spec_hash ON verdicts (spec_hash);
COMMIT;
